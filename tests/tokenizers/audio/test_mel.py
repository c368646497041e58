"""Log-mel frames are those of the definition, and the way back gives waves of the promised length."""

import numpy as np
import pytest
import torch

from triptych.tokenizers.audio.mel import BANDS, FLOOR, N_FFT, filters, hop_of, log_mel, magnitudes, wave_from


def tone(frequency: float, samples: int, rate: int) -> torch.Tensor:
    return 0.5 * torch.sin(2 * torch.pi * frequency * torch.arange(samples) / rate)


@pytest.mark.parametrize(("rate", "hop"), [(16000, 320), (24000, 480)])
def test_there_is_a_frame_for_every_hop_begun(rate: int, hop: int) -> None:
    assert hop_of(rate) == hop
    for samples, frames in ((1, 1), (hop, 1), (hop + 1, 2), (10 * hop, 10)):
        mels = log_mel(torch.zeros(samples), rate)
        assert mels.shape == (frames, BANDS)
        assert torch.allclose(mels, torch.tensor(FLOOR).log())  # silence is the floor


def test_a_frame_is_the_spectrum_around_its_sample() -> None:
    rate, draw = 16000, np.random.default_rng(0)
    wave = draw.normal(size=3000) * 0.1
    mels = log_mel(torch.from_numpy(wave).float(), rate)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(N_FFT) / N_FFT)
    padded = np.pad(wave, (N_FFT // 2, N_FFT + 320))
    for frame in range(len(mels)):
        spectrum = np.abs(np.fft.rfft(window * padded[frame * 320 : frame * 320 + N_FFT]))
        assert np.allclose(mels[frame].exp().numpy(), spectrum @ filters(rate).numpy(), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("frequency", [300.0, 1000.0, 4000.0])
def test_a_tone_is_loudest_in_the_band_around_it(frequency: float) -> None:
    # Slaney's scale: 200/3 Hz a mel up to 1000 Hz, then 27 mels for each factor of 6.4
    def mel(hertz: float) -> float:
        return hertz * 3 / 200 if hertz < 1000 else 15 + 27 * np.log(hertz / 1000) / np.log(6.4)

    loudest = log_mel(tone(frequency, 4000, 16000), 16000)[5].argmax().item()
    assert abs(loudest - (mel(frequency) / mel(8000) * (BANDS + 1) - 1)) <= 1


def test_magnitudes_have_the_mels_that_they_were_made_from() -> None:
    mels = log_mel(tone(440, 3200, 16000) + tone(2000, 3200, 16000), 16000)
    spectrum = magnitudes(mels, 16000)
    assert spectrum.shape == (10, N_FFT // 2 + 1)
    assert spectrum.min() >= 0
    assert ((spectrum @ filters(16000)).clamp_min(FLOOR).log() - mels).abs().mean() < 0.1


def test_waves_have_a_hop_for_each_frame_and_disturb_no_one() -> None:
    state = torch.get_rng_state()
    for frames in (1, 2, 7):
        mels = log_mel(tone(440, 320 * frames, 16000), 16000)
        wave = wave_from(mels, 16000)
        assert wave.shape == (320 * frames,)
        assert wave.abs().max() <= 1
        assert torch.equal(wave_from(mels, 16000), wave)
    assert torch.equal(torch.get_rng_state(), state)
