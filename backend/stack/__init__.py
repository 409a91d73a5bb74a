"""What `make run` supervises: embedded stores, the service's processes, ordered start and stop.

Standard library only: this package starts programs and never imports them, so it is up in a
fraction of a second and a broken program cannot break it.
"""
