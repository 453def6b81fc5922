"""Made-up spectra that are of no material: what detectors, lamps and software leave, and mere shapes.

Each kind is a function of a random generator and some references; a spectrum follows from its kind and number
alone. Raman-like bands are at random places, or those of references mirrored, shuffled or inverted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.reference import ReferenceSet
from spectriage.spectra.spectrum import Spectrum

SEED = 20_261_126
LASER_NM = 785.0
STILL_ITSELF = 0.5
"""A spectrum that correlates so with a reference looks like it."""
TRIES = 50
XENON = (
    (820.6, 0.07), (823.2, 0.5), (828.0, 0.7), (834.7, 0.2), (840.9, 0.2), (881.9, 1.0), (895.2, 0.4),
    (904.5, 0.4), (916.3, 0.5), (980.0, 0.6),
)  # fmt: skip
"""Strong xenon lines, air wavelength in nm and rough height; recalled, after the NIST database."""


@dataclass(frozen=True)
class Frame:
    """The random generator of one spectrum, its axis, and the references that may be misused."""

    rng: np.random.Generator
    shift: FloatArray
    references: ReferenceSet

    def uniform(self, low: float, high: float) -> float:
        """Return a number between two."""
        return float(self.rng.uniform(low, high))

    def decades(self, low: float, high: float) -> float:
        """Return a number whose decimal logarithm is evenly spread."""
        return float(10.0 ** self.rng.uniform(low, high))

    @property
    def place(self) -> FloatArray:
        """The axis from 0 to 1."""
        return np.asarray((self.shift - self.shift[0]) / np.ptp(self.shift))

    @property
    def wavelength_nm(self) -> FloatArray:
        """The axis as wavelengths."""
        return 1e7 / (1e7 / LASER_NM - self.shift)

    def band(self, centre: float, fwhm: float) -> FloatArray:
        """Return a band of height one, Gaussian or Lorentzian."""
        distance = (self.shift - centre) / fwhm
        if self.rng.random() < 0.5:
            return np.asarray(np.exp(-4.0 * np.log(2.0) * distance**2))
        return np.asarray(1.0 / (1.0 + 4.0 * distance**2))

    def background(self) -> FloatArray:
        """Return a smooth background: none, a slope, a hump or a decay."""
        kind, height, t = int(self.rng.integers(4)), self.decades(1.0, 4.5), self.place
        if kind == 0:
            return np.full_like(t, 0.02 * height)
        if kind == 1:
            return np.asarray(height * (1.0 + self.uniform(-0.9, 0.9) * t))
        if kind == 2:
            return np.asarray(
                height * np.exp(-(((t - self.uniform(-0.4, 1.4)) / self.uniform(0.3, 1.0)) ** 2))
            )
        return np.asarray(height * np.exp(-self.uniform(0.5, 4.0) * t))

    def noisy(self, values: FloatArray) -> FloatArray:
        """Return values with shot noise of some gain and read noise."""
        gain = float(self.rng.choice([0.0, 0.2, 1.0]))
        sigma = np.sqrt(gain * np.maximum(values, 0.0) + self.uniform(0.3, 20.0) ** 2)
        return np.asarray(values + sigma * self.rng.normal(size=values.size))

    def lines(self, places: Sequence[tuple[float, float]], fwhm: float) -> FloatArray:
        """Return emission lines, each a wavelength and a height, as a lamp of some pressure shows them."""
        total, spread = np.zeros_like(self.shift), self.uniform(0.0, 0.5)
        highest = max(height for _, height in places)
        for place, height in places:
            factor = float(np.exp(self.rng.normal(0.0, spread)))
            total += factor * height / highest * self.band(1e7 / LASER_NM - 1e7 / place, fwhm)
        return total

    def reference(self) -> FloatArray:
        """Return some reference on the library's own axis, highest point one."""
        row = int(self.rng.integers(len(self.references)))
        values = np.nan_to_num(self.references.spectra[row].astype(np.float64))
        return np.asarray(values / max(float(values.max()), 1e-12))


Kind = Callable[[Frame], FloatArray]


def _white(f: Frame) -> FloatArray:
    return f.rng.normal(f.decades(0.0, 4.0), f.decades(-1.0, 3.0), f.shift.size)


def _background(f: Frame) -> FloatArray:
    return f.noisy(f.background())


def _red(f: Frame) -> FloatArray:
    frequency = np.fft.rfftfreq(f.shift.size)
    waves = f.rng.normal(size=(2, frequency.size)) * np.maximum(frequency, 1.0 / f.shift.size) ** (
        -0.5 * f.uniform(0.5, 3.0)
    )
    walk = np.fft.irfft(waves[0] + 1j * waves[1], f.shift.size)
    return f.noisy(1000.0 + f.decades(1.0, 3.0) * walk / max(float(walk.std()), 1e-12))


def _smoothed(f: Frame) -> FloatArray:
    from scipy.ndimage import gaussian_filter1d

    noise = gaussian_filter1d(f.rng.normal(size=f.shift.size), f.uniform(1.5, 20.0))
    return f.noisy(f.decades(1.0, 3.5) * noise / noise.std() + f.background())


def _sine(f: Frame) -> FloatArray:
    period = f.decades(1.0, 2.6)
    return f.noisy(
        f.decades(1.0, 4.0) * (1.0 + np.sin(2 * np.pi * f.shift / period + f.uniform(0.0, 6.3)))
        + f.background()
    )


def _chirp(f: Frame) -> FloatArray:
    phase = f.uniform(3.0, 60.0) * f.place + f.uniform(-50.0, 50.0) * f.place**2
    return f.noisy(f.decades(1.0, 4.0) * (1.0 + np.sin(2 * np.pi * phase)) + 100.0)


def _fringes(f: Frame) -> FloatArray:
    values = f.background() + 200.0
    for _ in range(int(f.rng.integers(1, 5))):
        path_nm = f.decades(3.7, 5.2)
        values = values * (
            1.0 + f.uniform(0.01, 0.25) * np.cos(2 * np.pi * path_nm / f.wavelength_nm + f.uniform(0.0, 6.3))
        )
    return f.noisy(values)


def _etalon(f: Frame) -> FloatArray:
    phase = 2 * np.pi * f.decades(3.7, 5.2) / f.wavelength_nm
    return f.noisy((f.background() + 100.0) / (1.0 + f.uniform(0.02, 4.0) * np.sin(0.5 * phase) ** 2))


def _neon(f: Frame) -> FloatArray:
    from spectriage.library.catalogue.knowledge import load_emission_lines

    places = [line for line in load_emission_lines()["Ne"].lines if line[0] > LASER_NM]
    return f.noisy(f.decades(1.5, 4.5) * f.lines(places, f.uniform(3.0, 15.0)) + 0.1 * f.background())


def _xenon(f: Frame) -> FloatArray:
    return f.noisy(f.decades(1.5, 4.5) * f.lines(XENON, f.uniform(3.0, 15.0)) + 0.1 * f.background())


def _room_light(f: Frame) -> FloatArray:
    """Return the argon lines that fluorescent lamps show in the near infrared."""
    from spectriage.library.catalogue.knowledge import load_emission_lines

    places = [line for line in load_emission_lines()["Ar"].lines if line[0] > LASER_NM]
    return f.noisy(f.decades(1.5, 4.5) * f.lines(places, f.uniform(4.0, 15.0)) + f.background())


def _daylight(f: Frame) -> FloatArray:
    values, nm = 1.0 + f.uniform(-0.5, 0.2) * f.place, f.wavelength_nm
    # water vapour and sodium-like dips of the sky, calcium's triplet
    for centre, width, depth in ((820.0, 12.0, 0.25), (899.0, 10.0, 0.15), (935.0, 30.0, 0.6),
                                 (849.8, 0.4, 0.2), (854.2, 0.4, 0.25), (866.2, 0.4, 0.2)):  # fmt: skip
        values = values * (1.0 - depth * f.uniform(0.4, 1.2) * np.exp(-(((nm - centre) / width) ** 2)))
    for _ in range(50):
        centre = f.uniform(810.0, 835.0) if f.rng.random() < 0.5 else f.uniform(895.0, 960.0)
        values = values * (1.0 - f.uniform(0.0, 0.2) * np.exp(-(((nm - centre) / f.uniform(0.3, 1.5)) ** 2)))
    return f.noisy(f.decades(2.0, 4.5) * values)


def _led(f: Frame) -> FloatArray:
    hump = np.exp(-(((f.wavelength_nm - f.uniform(780.0, 950.0)) / f.uniform(10.0, 40.0)) ** 2))
    return f.noisy(f.decades(2.0, 4.5) * hump + 100.0)


def _cosmic(f: Frame) -> FloatArray:
    values = 0.1 * f.background() + 100.0
    for _ in range(int(f.rng.integers(3, 50))):
        start, wide = int(f.rng.integers(f.shift.size)), int(f.rng.integers(1, 5))
        hit = values[start : start + wide]
        hit += f.decades(2.0, 4.5) * f.rng.uniform(0.3, 1.0, hit.size)
    return f.noisy(values)


def _hot_pixels(f: Frame) -> FloatArray:
    """Return a background with hot pixels smeared over three to five points by a vendor's software."""
    from scipy.ndimage import gaussian_filter1d

    values = np.zeros_like(f.shift)
    places = f.rng.integers(f.shift.size, size=int(f.rng.integers(1, 12)))
    values[places] = 10.0 ** f.rng.uniform(2.0, 4.5, places.size)
    return f.noisy(gaussian_filter1d(values, f.uniform(0.6, 1.4)) + 0.2 * f.background() + 100.0)


def _dark(f: Frame) -> FloatArray:
    values = 800.0 + f.rng.normal(0.0, f.uniform(0.0, 5.0), f.shift.size)
    hot = f.rng.random(f.shift.size) < f.uniform(0.0, 0.03)
    values[hot] += 10.0 ** f.rng.uniform(0.5, 3.5, int(hot.sum()))
    values += float(f.rng.choice([0.0, 3.0, 20.0])) * (np.arange(f.shift.size) % 2)
    return np.asarray(np.round(f.rng.normal(values + f.uniform(-50.0, 50.0) * f.place, f.uniform(1.0, 8.0))))


def _dark_difference(f: Frame) -> FloatArray:
    values = f.rng.normal(0.0, f.uniform(1.0, 8.0), f.shift.size)
    hot = f.rng.random(f.shift.size) < 0.01
    values[hot] += f.rng.normal(0.0, 30.0, int(hot.sum()))
    return np.asarray(np.round(values))


def _steps(f: Frame) -> FloatArray:
    edges = np.sort(f.rng.uniform(f.shift[0], f.shift[-1], int(f.rng.integers(2, 40))))
    levels = f.rng.random(edges.size + 1)
    return f.noisy(f.decades(1.0, 4.0) * levels[np.searchsorted(edges, f.shift)] + 50.0)


def _coarse(f: Frame) -> FloatArray:
    values = _smoothed(f)
    step = float(np.ptp(values)) / int(f.rng.integers(2, 12))
    return np.asarray(np.round(values / step) * step)


def _saw(f: Frame) -> FloatArray:
    return f.noisy(f.decades(1.0, 4.0) * ((f.shift / f.uniform(15.0, 300.0)) % 1.0) + 50.0)


def _single_line(f: Frame) -> FloatArray:
    line = f.band(f.uniform(300.0, 1900.0), f.uniform(5.0, 20.0))
    return f.noisy(f.decades(1.5, 4.5) * line + f.background() * float(f.rng.choice([0.0, 0.1, 1.0])))


def _random_bands(f: Frame) -> FloatArray:
    values = np.zeros_like(f.shift)
    for _ in range(int(f.rng.integers(2, 25))):
        values += f.rng.exponential() * f.band(f.uniform(200.0, 2200.0), f.uniform(6.0, 25.0))
    return f.noisy(f.decades(1.0, 4.0) * values + f.background() * float(f.rng.choice([0.0, 0.1, 1.0])))


def _broad_bands(f: Frame) -> FloatArray:
    values = np.zeros_like(f.shift)
    for _ in range(int(f.rng.integers(1, 12))):
        values += f.rng.exponential() * f.band(f.uniform(100.0, 2300.0), f.uniform(30.0, 250.0))
    return f.noisy(f.decades(1.0, 4.5) * values + 10.0)


def _comb(f: Frame) -> FloatArray:
    period = f.uniform(20.0, 250.0)
    values = np.zeros_like(f.shift)
    for centre in np.arange(f.shift[0] + f.uniform(0.0, period), f.shift[-1], period).tolist():
        values += f.uniform(0.3, 1.0) * f.band(centre, f.uniform(6.0, 15.0))
    return f.noisy(f.decades(1.0, 4.0) * values + 100.0)


def _permuted(f: Frame) -> FloatArray:
    """Let the pieces of a reference change places; draw again while it still looks like itself.

    Where only empty pieces change places the spectrum is the material's own, and naming it is right.
    """
    reference = values = f.reference()
    for _ in range(TRIES):
        parts = [
            part - np.linspace(part[0], part[-1], part.size)
            for part in np.array_split(reference, int(f.rng.integers(3, 10)))
        ]
        values = np.concatenate([parts[i] for i in f.rng.permutation(len(parts)).tolist()])
        # a reference without bands looks like nothing, whatever its order
        with np.errstate(invalid="ignore"):
            alike = np.corrcoef(values, reference)[0, 1]
        if alike < STILL_ITSELF:
            break
        reference = f.reference()
    return f.noisy(f.decades(2.0, 4.0) * values + 50.0)


def _reversed(f: Frame) -> FloatArray:
    return f.noisy(f.decades(2.0, 4.0) * f.reference()[::-1] + 50.0)


def _inverted(f: Frame) -> FloatArray:
    return f.noisy(1e4 - f.decades(2.0, 4.0) * f.reference())


def _saturated(f: Frame) -> FloatArray:
    values = _random_bands(f)
    return np.minimum(values, float(np.quantile(values, f.uniform(0.3, 0.98))))


KINDS: dict[str, Kind] = {
    "white noise": _white, "background": _background, "red noise": _red, "smoothed noise": _smoothed,
    "sine": _sine, "chirp": _chirp, "fringes": _fringes, "etalon": _etalon, "neon": _neon, "xenon": _xenon,
    "room light": _room_light, "daylight": _daylight, "LED": _led, "cosmic rays": _cosmic,
    "hot pixels, smeared": _hot_pixels, "dark": _dark, "dark difference": _dark_difference, "steps": _steps,
    "few levels": _coarse, "saw": _saw, "single line": _single_line, "random bands": _random_bands,
    "broad bands": _broad_bands, "comb": _comb, "permuted": _permuted, "reversed": _reversed,
    "inverted": _inverted, "saturated": _saturated,
}  # fmt: skip
"""The kinds by name; add one here."""
OWN_AXIS = frozenset({"permuted", "reversed", "inverted"})


def make(kind: str, number: int, references: ReferenceSet) -> Spectrum:
    """Make one spectrum.

    Parameters
    ----------
    kind
        A name of `KINDS`.
    number
        Which of them; the same one is always the same.
    references
        Whose spectra are mirrored, shuffled and inverted.
    """
    rng = np.random.default_rng([SEED, list(KINDS).index(kind), number])
    shift = references.shift if kind in OWN_AXIS else _axis(rng)
    return Spectrum(shift, KINDS[kind](Frame(rng, shift, references)), excitation_nm=LASER_NM)


def _axis(rng: np.random.Generator) -> FloatArray:
    """Return the axis of some instrument: even, of a grating's pixels, narrow, or wide."""
    kind = int(rng.integers(5))
    if kind == 0:
        return np.arange(200.0, 2301.0)
    if kind == 1:
        return np.linspace(180.0, 2400.0, 1024) + float(rng.normal(0.0, 2.0))
    if kind == 2:
        pixel = np.arange(1024.0)
        return np.asarray(1e7 / LASER_NM - 1e7 / (801.0 + 0.155 * pixel - 4e-6 * pixel**2))
    if kind == 3:
        return np.linspace(250.0, 1950.0, int(rng.integers(300, 2048)))
    return np.linspace(100.0, 3200.0, 2048)
