"""A clip that is given by its path is listed as that path, without a decoder."""

from triptych.pipelines.sources.huggingface_audio import ListedAudio


def test_a_path_is_kept_as_a_path() -> None:
    assert ListedAudio().encode_example("clips/a.wav") == {"bytes": None, "path": "clips/a.wav"}
