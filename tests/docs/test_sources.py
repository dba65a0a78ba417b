"""What every source file keeps to, and no compiler of one release sees."""

import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("agent", "common", "coordinator", "tests")


def test_cords_are_made_in_one_place():
    """Elsewhere one that is made of a string does not link on Debian 13 (common/failure/text_payload.h)."""
    sources = [path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*") if path.suffix in (".cc", ".h")]
    makers = {str(path.relative_to(ROOT)) for path in sources if re.search(r"absl::Cord\s*\w*[({]", path.read_text())}
    assert makers == {"common/failure/text_payload.cc"}
