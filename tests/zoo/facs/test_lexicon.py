"""What our lexicon's texts must be, and how a lexicon is asked."""

import itertools
import re
import time

import pytest

from zoo.facs import CONSTRUCTS, name_of
from zoo.facs.lexicon import OUR_LEXICON, STYLES, Lexicon, LexiconError, _parse
from zoo.facs.linter import lint
from zoo.facs.wording import split_sentences

LEXICON = Lexicon.load()
WORDS = {"full": range(25, 61), "short": range(10, 31)}
TEXTS = [
    (construct, style, variant, text)
    for style in STYLES
    for construct in CONSTRUCTS
    for variant, text in enumerate(LEXICON.variants(construct, style=style), start=1)
]
NEUTRAL = [text for style in STYLES for text in LEXICON.variants((), style=style)]

SKIN = r"wrinkl|furrow|bulg|creas|\bfold|crow's|pouch|\bbags|dimpl|\blines\b|ridge|swell|hollow|bunch"
EMOTION = (
    r"smil|frown|happ|\bsad|surpris|fear|\bang(er|ry)|disgust|\bpain|grin|sneer|pout|\bjoy|scowl|grimac|smirk|sulk|"
    r"laugh|\bcry|contempt|worr|shock|startl|amus|doubt|emotion|\bfeel|expression|pleas|upset|cheer|anxi|calm|serious"
)
INTENSITY = (
    r"slight|strong|\bmarked|sever|\bvery|maxim|faint|\btrace|pronounc|extrem|great|intens|subtl|gentl|mild|moderate|"
    r"firm|\bhard|heav|\bmuch|quite|sharply|deeply|fully|complet|almost|nearly|barely|notabl|signific|clearly|tightly|"
    r"\bwide|weak|minimal|consider|a little|somewhat|noticeab|strain|powerful"
)
SIDE = r"\bleft\b|\bright\b|\b(one|both|either) sides?\b"
ELSEWHERE = (
    r"teeth|tooth|\bgum|\bjaw|tongue|nostril|\bnose|\bparted|\bapart|\bopen\b|upper (eye)?lid|protru|purs|pucker|"
    r"funnel|suck|neck|gaze|blink|squint|droop|stare|\bhead|\bbit(e|ten)"
)
COMMAND = (
    r"(raise|lift|draw|pull|press|push|lower|tighten|move|keep|let|note|look|make|turn|bring|squeeze|hold|narrow|roll|"
    r"tuck|pinch|purse|wrinkle)\b"
)

UP = r"\bup|rise|rising|rais|lift|hoist|higher|climb"
DOWN = r"\bdown|lowered|lowers|sink|sunk"
SAID = {  # what a text must say of each AU: where, and what moves how
    1: (r"(inner|medial).*brow|brow.*(inner|medial)", UP),
    2: (r"(outer|lateral|tail).*brow|brow.*(outer|lateral)", UP),
    4: (r"brow", r"together|closer|each other|nearer|converge|\bdown|lowered|sits lower|inward"),
    6: (r"cheek", UP),
    7: (r"\blids?\b|eyelid", rf"{UP}|tight|taut|tens"),
    10: (r"upper lip", UP),
    12: (r"corners?", UP),
    14: (r"corners?", r"inward|pinch|tuck|pulled in|into the face"),
    15: (r"corners?", DOWN),
    17: (r"chin\b", UP),
    23: (r"\blips?\b", r"tight|taut|tension|narrow"),
    24: (r"\blips?\b", r"press|against each other|against one another"),
}
RESERVED = {  # words that only these AUs may bring up
    r"brow|forehead|glabella|frontalis": {1, 2, 4},
    r"\beyes?\b(?! cover)|\blids?\b|eyelid|lash": {6, 7},
    r"cheek": {6},
    r"\bchin\b": {17},
    r"nasolabial": {10, 12},
    r"infraorbital triangle": {10},
    r"mouth|\blips?\b": {10, 12, 14, 15, 17, 23, 24},
    r"lower lip\b": {17, 23, 24},
    r"corner": {12, 14, 15},
    r"dimple|pinch|tuck": {14},
    r"\bdown|sink|sunk": {4, 15},
    r"\bred\b|rolled in": {23, 24},
    r"\bpress": {24},
    r"\blips? (are|is) tight|tight(ened)?,? (narrow )?lips|taut lips": {23},
}


def words_of(text):
    return re.findall(r"[a-z0-9'-]+", text.lower())


def runs_of(text):
    words = words_of(text)
    return {tuple(words[begin : begin + 4]) for begin in range(len(words) - 3)}


def found(pattern, texts=TEXTS):
    return [
        (name_of(construct), style, variant)
        for construct, style, variant, text in texts
        if re.search(pattern, text, re.I)
    ]


class TestOurTexts:
    @pytest.mark.parametrize("style", STYLES)
    def test_have_the_length_of_their_style(self, style):
        counts = {text: len(words_of(text)) for _, own, _, text in TEXTS if own == style}
        assert not [text for text, count in counts.items() if count not in WORDS[style]]

    @pytest.mark.parametrize(
        "pattern", [EMOTION, INTENSITY, SIDE, ELSEWHERE], ids=["emotion", "intensity", "side", "au"]
    )
    def test_have_no_word_of_emotion_or_intensity_or_side_or_of_other_aus(self, pattern):
        assert not found(pattern)
        assert not [text for text in NEUTRAL if re.search(pattern, text, re.I)]

    def test_name_skin_signs_in_the_full_style_alone(self):
        assert not found(SKIN, [each for each in TEXTS if each[1] == "short"])
        full = [each for each in TEXTS if each[1] == "full"]
        assert len(found(SKIN, full)) == len(full)

    def test_are_whole_sentences_and_no_commands(self):
        for text in (*(text for *_, text in TEXTS), *NEUTRAL):
            for sentence in re.split(r"(?<=[.;]) ", text):
                assert not re.match(COMMAND, sentence, re.I), text
            assert all(re.match(r"[A-Z][^.]*\.$", sentence) for sentence in re.split(r"(?<=\.) ", text)), text
            assert split_sentences(text) == (text, {}, {})

    @pytest.mark.parametrize("construct", CONSTRUCTS, ids=name_of)
    def test_say_where_and_how_each_au_moves(self, construct):
        for style, number in itertools.product(STYLES, construct):
            for text in LEXICON.variants(construct, style=style):
                assert all(re.search(pattern, text, re.I) for pattern in SAID[number]), (number, text)

    @pytest.mark.parametrize("construct", [*CONSTRUCTS, ()], ids=lambda construct: name_of(construct) or "none")
    def test_state_their_aus_and_no_others_to_the_linter(self, construct):
        for style in STYLES:
            for text in LEXICON.variants(construct, style=style):
                assert lint(text, construct).ok, text
                assert lint(text).states == set(construct), text

    @pytest.mark.parametrize(("pattern", "owners"), RESERVED.items(), ids=map(str, RESERVED.values()))
    def test_speak_of_no_other_au(self, pattern, owners):
        assert not found(pattern, [each for each in TEXTS if not owners & set(each[0])])

    @pytest.mark.parametrize("construct", CONSTRUCTS, ids=name_of)
    def test_of_one_construct_are_different_sentences(self, construct):
        for style in STYLES:
            for one, other in itertools.combinations(LEXICON.variants(construct, style=style), 2):
                ours, theirs = runs_of(one), runs_of(other)
                assert len(ours & theirs) < min(len(ours), len(theirs)) / 4, (one, other)

    @pytest.mark.parametrize("construct", [each for each in CONSTRUCTS if len(each) > 2], ids=name_of)
    def test_of_three_or_more_aus_are_not_their_singles_in_a_row(self, construct):
        for style in STYLES:
            of_singles = set().union(
                *(runs_of(text) for number in construct for text in LEXICON.variants((number,), style=style))
            )
            for text in LEXICON.variants(construct, style=style):
                runs = runs_of(text)
                assert len(runs & of_singles) < len(runs) / 3, text

    def test_never_begin_with_another_so_that_a_row_of_them_has_one_reading(self):
        every = sorted(text.split() for text in (*(text for *_, text in TEXTS), *NEUTRAL))
        for one, after in itertools.pairwise(every):
            assert after[: len(one)] != one, " ".join(one)

    def test_are_quick_to_load(self):
        content = OUR_LEXICON.read_bytes()
        begin = time.process_time()
        _parse.__wrapped__(content, "lexicon.yaml")
        assert time.process_time() - begin < 0.5


class TestLexicon:
    def test_has_all_constructs_in_all_styles_and_a_face_at_rest(self):
        assert LEXICON.num_variants == 5
        assert {len(LEXICON.variants(each, style=style)) for each in (*CONSTRUCTS, ()) for style in STYLES} == {5}
        assert {style: tuple(texts) for style, texts in LEXICON.descriptions.items()} == dict.fromkeys(
            STYLES, CONSTRUCTS
        )

    def test_is_read_once_and_again_when_the_file_changes(self, tmp_path):
        path = tmp_path / "bank.yaml"
        path.write_bytes(OUR_LEXICON.read_bytes())
        first = Lexicon.load(path)
        assert Lexicon.load(path) is first
        assert first.sha256 == LEXICON.sha256
        path.write_text(path.read_text().replace("auface-zoo", "another"))
        second = Lexicon.load(path)
        assert (second.name, second == first) == ("another", False)

    def test_refuses_an_unknown_style_or_construct(self):
        with pytest.raises(LexiconError, match="style must be one of full, short, got 'long'"):
            LEXICON.variants((12,), style="long")
        with pytest.raises(LexiconError, match=r"construct must be one of 6\+12\+15\+17, .*got \(12, 6\)"):
            LEXICON.variants((12, 6))

    def test_of_one_style_says_so_when_asked_for_the_other(self, tmp_path):
        path = tmp_path / "bank.yaml"
        entries = "\n".join(f"  {name_of(construct)}: {{full: [Text.]}}" for construct in CONSTRUCTS)
        path.write_text(f"variants: 1\nconstructs:\n{entries}\n")
        lexicon = Lexicon.load(path)
        assert lexicon.name == "bank.yaml"
        with pytest.raises(LexiconError, match=r"bank\.yaml: no descriptions of style short, only of full"):
            lexicon.variants((12,), style="short")
        with pytest.raises(LexiconError, match=r"bank\.yaml: no neutral texts of style full"):
            lexicon.variants(())

    def test_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(LexiconError, match=r"path must be a readable YAML file, got '.*none\.yaml'"):
            Lexicon.load(tmp_path / "none.yaml")
