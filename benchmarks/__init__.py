"""Side-by-side measurements anyone can run: `make bench`, or `python -m benchmarks --only accept`.

Ours and the naive way alternate in one run on the same rows and the same served model. Nothing
here is imported by the service.
"""
