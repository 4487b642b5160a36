"""Every departure from the form of a lexicon's file is named with its place."""

import re

import pytest
import yaml

from zoo.facs import CONSTRUCTS, name_of
from zoo.facs.lexicon import Lexicon, LexiconError


def plain():
    """A bank of two variants, as plain data."""
    return {
        "name": "plain",
        "variants": 2,
        "neutral": {"full": ["Still.", "At rest."]},
        "constructs": {
            name_of(construct): {"full": [f"{name_of(construct)} a.", f"{name_of(construct)} b."]}
            for construct in CONSTRUCTS
        },
    }


@pytest.fixture
def load(tmp_path):
    def load(content):
        path = tmp_path / "bank.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return Lexicon.load(path)

    return load


def without(key):
    return lambda bank: bank["constructs"].pop(key)


def renamed(old, new):
    return lambda bank: bank["constructs"].update({new: bank["constructs"].pop(old)})


def put(value, *path):
    def change(bank):
        for key in path[:-1]:
            bank = bank[key]
        bank[path[-1]] = value

    return change


FAULTS = {  # a change and a piece of the message, in which * stands for anything
    "missing construct": (without("6+12"), "constructs: all 38 constructs must be there, missing: 6+12"),
    "missing constructs": (put({}, "constructs"), "missing: 6+12+15+17, 6+12+17+23, *, 24"),
    "unknown construct": (put({"full": ["a", "b"]}, "constructs", "6+9"), "construct 6+9: * got '6+9'"),
    "order in a key": (renamed("6+12", "12+6"), "construct 12+6: the construct must be written 6+12, got '12+6'"),
    "AU in a key": (renamed("1+4", "AU1+AU4"), "the construct must be written 1+4, got 'AU1+AU4'"),
    "missing variant": (
        put(["one"], "constructs", "10+14", "full"),
        "construct 10+14, style full: there must be 2 variants, got 1",
    ),
    "too many variants": (put(["a", "b", "c"], "constructs", "24", "full"), "construct 24, style full: * got 3"),
    "empty text": (
        put(["one", " \n "], "constructs", "10+14", "full"),
        "construct 10+14, style full, variant 2: the text must not be empty, got ''",
    ),
    "no text": (put(["one", None], "constructs", "7", "full"), "construct 7, style full, variant 2: * got nothing"),
    "number for a text": (put([1, "b"], "constructs", "7", "full"), "variant 1: must be a text, got '1'"),
    "mapping for a text": (put([{"a": "b"}, "b"], "constructs", "7", "full"), "got a mapping. * quotes"),
    "one text for a list": (put("one", "constructs", "7", "full"), "the variants must be a list of texts, got 'one'"),
    "list for a construct": (put(["a", "b"], "constructs", "7"), "construct 7: must be a mapping, got a sequence"),
    "nothing for a construct": (put(None, "constructs", "7"), "construct 7: must be a mapping, got nothing"),
    "unknown style": (put(["a", "b"], "constructs", "7", "long"), "construct 7: a key must be one of full, short"),
    "no full style": (
        put({"short": ["a", "b"]}, "constructs", "7"),
        "construct 7: the style 'full' must be there, got none",
    ),
    "short style here and there": (
        put({"full": ["a", "b"], "short": ["c", "d"]}, "constructs", "7"),
        "style short: the style must be given for all constructs or for none, missing: 6+12+15+17",
    ),
    "unknown key": (put("me", "author"), "a key must be one of name, about, * got 'author'"),
    "no constructs": (lambda bank: bank.pop("constructs"), "the key 'constructs' must be there"),
    "word for a count": (put("many", "variants"), "variants: must be a whole number of at least 1, got 'many'"),
    "no variants": (put(0, "variants"), "variants: must be a whole number of at least 1, got '0'"),
    "too few neutral texts": (put(["a"], "neutral", "full"), "neutral, style full: there must be 2 variants, got 1"),
}


@pytest.mark.parametrize(("change", "problem"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named_with_its_line_and_place(load, change, problem):
    bank = plain()
    change(bank)
    with pytest.raises(LexiconError, match=".*".join(map(re.escape, problem.split("*")))) as caught:
        load(bank)
    assert re.match(r"Lexicon bank\.yaml, line \d+", str(caught.value))


def test_the_line_is_that_of_the_fault(load):
    text = yaml.safe_dump(plain(), sort_keys=False)
    line = 1 + text[: text.index("15+23 b.")].count("\n")
    with pytest.raises(LexiconError, match=rf"line {line}, construct 15\+23, style full, variant 2: "):
        load(text.replace("15+23 b.", "''"))


@pytest.mark.parametrize(
    ("copied", "problem"),
    [
        ("  6+12:\n", r"constructs: a key must be there once, got '6\+12' twice"),
        ("name: plain\n", "a key must be there once, got 'name' twice"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(load, copied, problem):
    text = yaml.safe_dump(plain(), sort_keys=False)
    again = copied if copied.startswith("name") else f"{copied}    full: [a, b]\n"
    with pytest.raises(LexiconError, match=problem):
        load(text + again)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "got an empty file"),
        ("- a\n- b\n", "must be a mapping, got a sequence"),
        ("constructs: [", "the file must be YAML, got: "),
        ("? [a, b]\n: c\n", "a key must be a word, got a sequence"),
    ],
)
def test_what_is_no_lexicon_at_all_is_refused(load, content, problem):
    with pytest.raises(LexiconError, match=problem):
        load(content)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "bank.yaml"
    path.write_bytes(b"name: \xff\xfe\x00")
    with pytest.raises(LexiconError, match=r"Lexicon bank\.yaml: the file must be YAML"):
        Lexicon.load(path)


def test_keys_may_be_quoted_and_texts_folded(load):
    text = yaml.safe_dump(plain(), sort_keys=False)
    folded = text.replace("'7':", "7:").replace("- 6+12 a.", "- >-\n      6+12\n      a.")
    assert folded != text
    assert load(folded).variants((6, 12)) == ("6+12 a.", "6+12 b.")
    assert load(folded).variants((7,)) == ("7 a.", "7 b.")


def test_a_bank_may_have_equal_texts_and_any_number_of_variants(load):
    bank = plain()
    bank["constructs"]["12+24"]["full"] = ["Same.", "Same."]
    lexicon = load(bank)
    assert lexicon.num_variants == 2
    assert lexicon.variants((12, 24)) == ("Same.", "Same.")
    assert lexicon.variants(()) == ("Still.", "At rest.")
