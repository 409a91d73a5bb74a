#!/usr/bin/env python
"""Django's command line; beside a running `make run` it finds that one's database by itself."""

import os
import sys

from backend.stack import running

if __name__ == "__main__":
    os.environ.update(running.complete(os.environ))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")
    if sys.argv[1:2] == ["migrate"]:
        # A schema change may take longer than a patient should wait.
        os.environ.setdefault("DATABASE_BOUNDED", "false")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
