"""Draws docs/report.png, the HTML page of a few runs as a browser shows it. ``make picture`` runs it; it needs Chromium."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RUNS = ["tests/reports/scenarios/failed_expectation.yaml", "tests/reports/scenarios/esp_failure.yaml"]
SIZE = "1000,1500"


def main() -> int:
    """Play, write the page, photograph it."""
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if browser is None:
        print("docs/report.png is left as it is: no Chromium on PATH")
        return 0
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder, "page.html")
        words = ["-m", "autopilot_agent", "run", *RUNS, "-q", "--html", str(page)]
        subprocess.run([sys.executable, *words], cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
        sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        options = ["--headless", "--hide-scrollbars", f"--window-size={SIZE}", f"--user-data-dir={folder}/profile", *sandbox]
        picture = ROOT / "docs" / "report.png"
        subprocess.run([browser, *options, f"--screenshot={picture}", page.as_uri()], check=True, stderr=subprocess.DEVNULL)
    print(f"docs/{picture.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
