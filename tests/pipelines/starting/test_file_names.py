"""Values of a table that are names of files, with what they lack."""

from triptych.pipelines.starting.file_names import MediaNames


def test_prefix_and_suffix_are_found() -> None:
    names = MediaNames(["wavs/LJ-1.wav", "wavs/LJ-2.wav", "img/1.jpg", "img/2.jpg", "0.jpg"])
    found = names.match(["LJ-1", "LJ-2", "LJ-3"], "/data")
    assert found is not None
    assert (found.prefix, found.suffix, found.modality, found.found) == ("wavs/", ".wav", "audio", 2)
    found = names.match(["img/1.jpg", "img/2.jpg"], "/data")
    assert found is not None
    assert (found.prefix, found.suffix, found.modality) == ("", "", "image")
    found = names.match(["/data/img/1.jpg"], "/data")
    assert found is not None
    assert found.absolute
    assert found.file == "img/1.jpg"


def test_texts_numbers_and_names_of_nothing_are_no_names() -> None:
    names = MediaNames(["0.jpg", "1.jpg", "2.jpg"])
    assert names.match(["some words", "and others"], "/data") is None
    assert names.match(["0", "0", "0", "0", "0"], "/data") is None
    assert names.match(["x.jpg", "0.jpg", "y.jpg"], "/data") is None
    assert names.match([None, 3, ""], "/data") is None
