"""`monynha serve` with the stub in place of the application."""

import sys

from monynha.app.commands.options import read_settings, run
from monynha.app.serving.lifecycle import serve
from monynha.core.errors import SettingsError

if __name__ == "__main__":
    try:
        run(serve(read_settings(), "tests.journeys.stub_application"))
    except SettingsError as error:
        sys.exit(f"monynha: {error}")
