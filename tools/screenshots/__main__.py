"""`python -m tools.screenshots`: pictures of the pages of a Lumina that it starts, at a desktop's and a phone's width.

There is no portal yet: the pages are the API's two documentations.
"""

import sys
from pathlib import Path

from tools.running import lumina
from tools.screenshots.chromium import browser, program

FOLDER = Path("test-results/screenshots")
PAGES = {"docs": ".swagger-ui .opblock", "redoc": "[data-section-id]"}  # page: what is there once it is drawn
SIZES = {1440: 900, 390: 844}


def main() -> int:
    path = program()
    if path is None:
        print("No Chromium is here: install the package chromium. No picture was made.", file=sys.stderr)
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    with lumina() as running, browser(path) as tab:
        tab.headers({"Authorization": f"Bearer {running.admin_key}"})
        for page, selector in PAGES.items():
            for width, height in SIZES.items():
                tab.size(width, height)
                tab.show(f"{running.control}/{page}", selector)
                file = FOLDER / f"{page}-{width}.png"
                file.write_bytes(tab.picture())
                print(file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
