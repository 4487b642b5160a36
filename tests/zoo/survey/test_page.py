"""The page is whole, asks for nothing from anywhere, and does not tell which system a picture is of."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from zoo.survey.criteria import criteria
from zoo.survey.page import survey_page

PIXEL = "data:image/jpeg;base64,AAAA"


class Page(HTMLParser):
    """Collects elements with their attributes and texts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.texts = [], [], {}
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.open = [tag, dict(attrs).get("id", "")]

    def handle_endtag(self, tag):
        self.open = ["", ""]

    def handle_data(self, data):
        name = "#".join(self.open)
        self.texts[name] = self.texts.get(name, "") + data

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture
def text(survey):
    return survey_page(
        survey,
        pictures={item: PIXEL for trial in survey.trials for item in trial.items},
        criteria={"12+15": criteria((12, 15)), "1+4": criteria((1, 4))},
        title='A & B "c" </title><script>',
        consent=["I agree. </script><b>"],
    )


@pytest.fixture
def page(text):
    return Page(text)


def test_nothing_is_asked_from_elsewhere(text, page):
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "poster", "srcset"):
            assert attributes.get(name, "data:").startswith("data:"), (tag, attributes)
    assert not re.search(r"https?://|url\(|@import|\bfetch\(|XMLHttpRequest|WebSocket|sendBeacon|\bimport\(", text)


def test_the_policy_allows_this_script_and_this_style_alone(page):
    policy = next(each["content"] for each in page.all("meta") if "http-equiv" in each)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.texts[f"{tag}#"].encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    # the policy would refuse these
    assert not any(
        "style" in attributes or any(name.startswith("on") for name in attributes) for _, attributes in page.elements
    )


def test_what_the_experimenter_writes_can_not_end_its_place(text, page):
    assert page.texts["title#"] == 'A & B "c" </title><script>'
    content = json.loads(page.texts["script#survey"])
    assert content["consent"] == ["I agree. </script><b>"]
    assert len(page.all("script")) == 2


def test_systems_and_cases_are_not_named(text, survey):
    for name in [*survey.systems, *(trial.case for trial in survey.trials)]:
        assert not re.search(rf'"{name}"', text)
    content = json.loads(Page(text).texts["script#survey"])
    assert content["id"] == survey.id
    assert [set(trial["items"]) for trial in content["trials"]] == [set(trial.items) for trial in survey.trials]


def test_every_element_that_the_script_speaks_of_is_there(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    script = page.texts["script#"]
    assert set(re.findall(r'element\("([\w-]+)"\)', script)) <= set(ids)
    assert "{{" not in script


def test_the_page_can_be_used_without_eyes_on_it(page):
    ids = {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert page.all("html")[0]["lang"] == "en"
    assert all("alt" in each for each in page.all("img"))
    for _, attributes in page.elements:
        for name in ("aria-labelledby", "aria-describedby", "for"):
            assert set(attributes.get(name, "").split()) <= ids
    assert all(each.get("type") for each in page.all("button"))
    viewport = next(each["content"] for each in page.all("meta") if each.get("name") == "viewport")
    assert "maximum-scale" not in viewport
    assert "user-scalable" not in viewport


def contrast(one, other):
    """Contrast of two colours, as WCAG defines it."""

    def luminance(colour):
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_colours_can_be_told_apart_by_day_and_by_night(page):
    palettes = [dict(re.findall(r"--([\w-]+): (#\w{6})", part)) for part in page.texts["style#"].split("@media")[:2]]
    assert len(palettes) == 2
    for colours in palettes:
        for ink in ("ink", "soft", "accent", "warn"):
            for ground in ("ground", "surface"):
                assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground)
        assert contrast(colours["on-accent"], colours["accent"]) >= 4.5
