"""The picture of the folders in docs/architecture.md."""

from tests.architecture.picture import BEGIN, DOCUMENT, arrows, document


def test_the_picture_in_the_docs_is_of_the_code_as_it_is():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert BEGIN in text
    assert document(text) == text, "run `make architecture` and commit docs/architecture.md"


def test_an_arrow_that_others_imply_is_left_out():
    assert arrows({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == [("a", "b"), ("b", "c")]


def test_folders_that_import_each_other_keep_an_arrow_each_way():
    assert arrows({"a": {"b"}, "b": {"a"}}) == [("a", "b"), ("b", "a")]
