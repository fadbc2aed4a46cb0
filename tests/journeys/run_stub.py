"""`monynha serve` around the stub: the same start, another program."""

import sys

from monynha.app.commands.options import read_settings, run
from monynha.app.serve import serve
from monynha.core.errors import WrongSetting

if __name__ == "__main__":
    try:
        run(serve(read_settings(), "tests.journeys.stub"))
    except WrongSetting as refused:
        sys.exit(f"monynha: {refused}")
