"""Words of a complaint, and variables, by which a drill tells `faulty_worker` what to do."""

from typing import Final

KILLS: Final = "zzkills"
RAISES: Final = "zzraises"
# Sleeps until the file that the variable names exists.
SLEEPS: Final = "zzsleeps"
SLEEP_FILE: Final = "DRILL_SLEEP_FILE"
LOAD_SECONDS: Final = "DRILL_LOAD_SECONDS"
