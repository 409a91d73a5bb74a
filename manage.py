#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "backend.settings")
    if sys.argv[1:2] == ["migrate"]:
        os.environ.setdefault("DATABASE_BOUNDED", "false")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
