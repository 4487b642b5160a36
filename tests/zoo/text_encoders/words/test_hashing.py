"""Words as hashes."""

from zoo.facs.lexicon import Lexicon
from zoo.text_encoders.words.hashing import hashed_ids, words_of


def test_numbers_are_the_same_on_every_machine():
    assert hashed_ids(["lip", "corners"], 2048, salt=0) == [1237, 315]


def test_no_two_words_of_the_lexicon_share_both_hashes():
    lexicon = Lexicon.load()
    words = {
        word
        for style in lexicon.descriptions.values()
        for variants in style.values()
        for text in variants
        for word in words_of(text)
    }
    both = {tuple(hashed_ids([word], 2048, salt=salt)[0] for salt in range(2)) for word in words}
    assert len(words) > 200
    assert len(both) == len(words)
