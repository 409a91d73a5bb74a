"""The way most would write this service first, as honest code: what ours is compared with.

One Celery task per row, ORM get, pandas and the scikit-learn pipeline, ORM save and log create; a
ModelSerializer, ORM create and `delay()` on commit in front. It has no keys, encryption, strict
parsing, audit, leases or stored fallback: everything it leaves out makes it faster.
"""
