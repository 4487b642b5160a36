"""The page in a real browser: what is pressed is done, on a wide screen and on a phone."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.lightning_modules.demo.browser import PROGRAM, Browser
from tests.lightning_modules.demo.conftest import serving

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="Chromium is not installed: apt-get install chromium"),
]
DONE = "!document.querySelector('#result').hidden && !document.querySelector('#make').hidden"


@pytest.fixture
def opened(served):
    """Gives what opens the page and waits for its first face; nothing may go wrong in it until the end."""
    browsers = []

    def open_page(address=served.url, **arguments):
        browser = Browser(**arguments)
        browsers.append(browser)
        browser.open(address)
        browser.wait(DONE)
        return browser

    yield open_page
    errors = [each for browser in browsers for each in browser.errors]
    for browser in browsers:
        browser.close()
    assert errors == []


def set_slider(page, selector, value):
    page.run(
        f"{{ const slider = document.querySelector({selector!r}); slider.value = {value}; "
        "slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    )


def text_of(page, selector):
    return page.run(f"document.querySelector({selector!r}).innerText")


def test_a_face_stands_there_before_anything_is_pressed_and_follows_what_is_set(opened):
    page = opened()
    assert page.run("document.activeElement === document.body")
    assert "AU6, AU12" in text_of(page, "#figures .made figcaption")
    page.press("[data-au='15'] label")
    page.wait("document.querySelector('#conflicts').innerText.includes('pull against each other')")
    assert page.run("document.querySelectorAll('.au.clash').length") == 2
    assert "set before" in text_of(page, "#stale")
    page.press("#make")
    page.wait(f"{DONE} && !document.querySelector('#result').classList.contains('stale')")
    assert "AU6, AU12, AU15" in text_of(page, "#figures .made figcaption")
    rows = page.run("[...document.querySelectorAll('#table tr.asked th')].map((each) => each.innerText)")
    assert [row.split()[0] for row in rows] == ["6", "12", "15"]
    assert page.run("document.querySelectorAll('#figures img').length") == 6  # of two models
    assert page.run("[...document.querySelectorAll('#figures img')].every((image) => image.naturalWidth === 32)")


def test_intensities_are_sliders_where_a_model_takes_them(opened):
    page = opened()
    assert text_of(page, "[data-au='12'] output") == "not said"
    set_slider(page, "[data-au='12'] .grade input", 3)
    assert text_of(page, "[data-au='12'] output") == "C marked"
    page.press("#make")
    page.wait("document.querySelector('#table').innerText.includes('yes, C')")
    assert page.run("document.querySelector('[data-au=\"15\"] .grade').hidden")


def test_a_model_without_seed_and_steps_has_no_settings_for_them(opened, edits):
    with serving(edits) as server:
        page = opened(server.url)
        for hidden in ("#seed-row", "#prompt-buttons"):
            assert page.run(f"document.querySelector({hidden!r}).hidden")
        assert page.run("document.querySelectorAll('#settings input').length") == 0
        assert text_of(page, "#prompts") == "AU6,AU12"
        page.press("#make")
        page.wait("document.querySelector('#status').innerText.startsWith('Done')")
        assert text_of(page, "#problem") == ""


def test_a_description_is_read_and_made(opened):
    page = opened()
    page.press(".switch label:nth-child(2)")
    page.press("#text")
    page.write("The lip corners are drawn down.")
    page.wait("document.querySelector('#reading').innerText.includes('AU15')")
    page.press("#make")
    page.wait(f"{DONE} && document.querySelector('#figures .made figcaption').innerText.includes('AU15')")


def test_a_grid_is_made_and_one_of_its_faces_is_taken(opened):
    page = opened()
    page.press("#make-grid")
    page.wait("document.querySelectorAll('#grid .cell').length === 13 && !document.querySelector('#make').hidden")
    page.press("#grid figure:nth-child(4) .cell")
    assert page.run("[...document.querySelectorAll('.au.on')].map((chip) => chip.dataset.au).join()") == "4"


def test_a_picture_of_ones_own_is_taken_and_nonsense_refused(opened, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "face.png")
    (tmp_path / "nonsense.png").write_bytes(b"no picture")
    page = opened()
    page.choose_file("#file", str(tmp_path / "nonsense.png"))
    page.wait("document.querySelector('#file-problem').innerText.includes('be read as a picture')")
    page.choose_file("#file", str(tmp_path / "face.png"))
    page.wait("!document.querySelector('#crop').hidden")
    page.press("#make")
    page.wait("document.querySelector('#status').innerText.startsWith('Done')")
    assert page.run("document.querySelectorAll('#figures img').length") == 5  # nobody knows the true face


@pytest.mark.parametrize("size", [{"width": 360, "height": 740, "is_phone": True}, {"width": 1280, "height": 720}])
def test_nothing_sticks_out_and_what_is_pressed_is_in_reach(opened, size):
    page = opened(**size)
    assert page.run("document.documentElement.scrollWidth") <= size["width"]
    if not size.get("is_phone"):  # each half scrolls by itself
        assert page.run("document.documentElement.scrollHeight") <= size["height"]
    low = page.run("document.querySelector('#make').getBoundingClientRect().bottom")
    assert low <= size["height"]
    small = page.run(
        "[...document.querySelectorAll('button, .button, select')].filter((each) => each.offsetParent)"
        ".filter((each) => each.getBoundingClientRect().height < 40).map((each) => each.id || each.className)"
    )
    assert small == []
    picture = Image.open(io.BytesIO(page.picture()))
    assert picture.width == size["width"] * (2 if size.get("is_phone") else 1)
