"""The pictures of docs/console.md: one of each page, described, and small."""

import re

from PIL import Image

from infra.console.app import PAGES
from tests.console.pictures import FOLDER
from tests.end_to_end.conftest import ROOT

MOST_BYTES = 60_000  # of one picture
MOST_BYTES_IN_ALL = 300_000


def test_every_page_has_a_small_picture_that_the_document_shows_and_describes():
    shown = dict(re.findall(r"!\[(.+)\]\(console/(.+)\.png\)", (ROOT / "docs" / "console.md").read_text()))
    titles = [title for _, title in PAGES]
    assert [alternative.partition(":")[0] for alternative in shown] == titles
    assert [name.replace("-", " ") for name in shown.values()] == [title.lower() for title in titles]
    assert {path.stem for path in FOLDER.iterdir()} == set(shown.values())
    sizes = [path.stat().st_size for path in FOLDER.iterdir()]
    assert max(sizes) < MOST_BYTES
    assert sum(sizes) < MOST_BYTES_IN_ALL
    for path in FOLDER.iterdir():
        with Image.open(path) as picture:
            assert picture.width == 1280
