"""The simulated spectrometer behind ``sim:`` URIs: photons through one instrument's optics and detector.

Its numbers are simulated and say so in every scan (`Origin.SIMULATED`); a scan of an unperturbed rendering is
labelled ``unperturbed`` beside.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spectriage.device.contract.clock import SYSTEM_CLOCK, Clock, Deadline, VirtualClock
from spectriage.device.contract.errors import DeviceSettingsError, DeviceUnsafeError
from spectriage.device.contract.permit import LaserPermit
from spectriage.device.contract.rawscan import Axis, Detector, DeviceInfo
from spectriage.device.contract.registry import Driver, FoundDevice
from spectriage.device.contract.spectrometer import DeviceStatus, LaserState, ScanSettings, Spectrometer
from spectriage.device.contract.uri import DeviceURI
from spectriage.device.simulator.detector import DetectorUnit
from spectriage.device.simulator.faults import Fault, FaultState, fail_frame
from spectriage.device.simulator.optics import SceneLight
from spectriage.device.simulator.options import SimulatorOptions, read_options
from spectriage.device.simulator.perturbation import PERTURBATIONS, draw_unit
from spectriage.device.simulator.sample import build_light
from spectriage.device.simulator.scenes import SCENES
from spectriage.spectra.arrays import FloatArray
from spectriage.spectra.origin import Origin

UNIT_STREAM, NOISE_STREAM = 1, 3
LOW_BATTERY = 0.03
OVER_TEMPERATURE_K = 30.0
DRIFT_K = 3.0
"""A detector this far from its temperature at the first scan gives another dark: such a scan is marked."""
WARMING = 0.05
"""A laser with more of its power than this still to lose is warming up: such a scan is marked."""
FAULT_DROOP = 0.5
FAULT_BRIGHTNESS = 1e4


class SimulatedSpectrometer(Spectrometer):
    """A spectrometer made of physics and a seed.

    Parameters
    ----------
    options
        What the URI asked for.
    uri
        The URI, for messages and records.
    clock
        A virtual one by default, so that a scan takes no time and repeats to the byte.

    Raises
    ------
    DeviceNotFoundError
        When the catalogue has no such material.
    DeviceURIError
        When a material without Raman bands is given a fraction of the Raman signal.
    """

    def __init__(self, options: SimulatorOptions, uri: DeviceURI, clock: Clock | None = None) -> None:
        super().__init__(clock or (SYSTEM_CLOCK if options.realtime else VirtualClock()))
        self._options = options
        self._uri = uri
        self._preset = options.preset
        sizes = PERTURBATIONS[options.perturbation]
        rng = np.random.default_rng([options.unit, UNIT_STREAM])
        self._unit = draw_unit(sizes, rng)
        self._detector = DetectorUnit.draw(self._preset, rng)
        self._faults = replace(options.fault)
        self._faults.check_opening(uri.text)
        self._spot = options.spot
        self._light = self._build_light()
        self._noise = np.random.default_rng([options.seed, NOISE_STREAM])
        self._power_mw = options.laser_mw
        self._laser = False
        self._laser_since = 0.0
        self._lit_s = 0.0
        self._axis = self._claimed_axis()
        self._latched: tuple[float, float] | None = None
        self._first_warmer_k: float | None = None
        self._info = self._describe()
        self.configure(ScanSettings(options.integration_ms, options.accumulations))

    # -- construction ------------------------------------------------------------------------------

    def _build_light(self) -> SceneLight:
        brighter = FAULT_BRIGHTNESS if self._faults.has(Fault.SATURATION) else 1.0
        return build_light(self._options, self._unit, self._uri, spot=self._spot, brighter=brighter)

    def move_to_spot(self, spot: int) -> None:
        """Point at another spot, counted from the first one: other grains, not yet bleached."""
        self._spot = self._options.spot + spot
        self._light = self._build_light()
        self._lit_s = 0.0
        self._mark_stale()

    def _claimed_axis(self) -> Axis:
        """Return the axis in the device's memory: its true one and the unit's error."""
        light = self._light
        claimed_cm = light.shift_cm + self._unit.axis_error(light.x)
        wavelength_nm = 1.0 / (1.0 / self._preset.excitation_nm - claimed_cm * 1e-7)
        if self._faults.has(Fault.BLANK_MEMORY):
            wavelength_nm = np.full_like(wavelength_nm, np.nan)
        if self._faults.has(Fault.CORRUPT_MEMORY):
            wavelength_nm[::7] -= 300.0
        return Axis(wavelength_nm=wavelength_nm, source=f"{self._serial} factory axis (simulated)")

    @property
    def _serial(self) -> str:
        return f"SIM-{self._preset.name}-{self._options.unit:04d}"

    def _describe(self) -> DeviceInfo:
        preset = self._preset
        notes = ["simulated: not a measurement"]
        if self._options.perturbation == "none":
            notes.append(
                "unperturbed: drawn from the catalogue's own bands, proves nothing about finding them"
            )
        return DeviceInfo(
            uri=self._uri.text,
            maker="Spectriage",
            model=f"simulator {preset.name}",
            serial=self._serial,
            origin=Origin.SIMULATED,
            detector=Detector(
                name=preset.detector,
                pixels=preset.pixels,
                saturation_counts=preset.saturation_counts,
                gain_e=preset.gain_e,
                read_noise_e=preset.read_noise_e,
                bias_counts=preset.bias_counts,
            ),
            excitation_nm=preset.excitation_nm,
            resolution_cm=preset.resolution_cm,
            min_integration_ms=preset.min_integration_ms,
            max_integration_ms=preset.max_integration_ms,
            notes=tuple(notes),
        )

    @property
    def light(self) -> SceneLight:
        """What reaches the detector from the sample where the device points now."""
        return self._light

    # -- Spectrometer ------------------------------------------------------------------------------

    def _do_info(self) -> DeviceInfo:
        return self._info

    def _do_axis(self) -> Axis:
        return self._axis

    def _do_configure(self, settings: ScanSettings) -> None:
        if self._latched is None:
            self._latched = (settings.integration_ms, 0.0)

    def _do_read_frame(self, settings: ScanSettings, deadline: Deadline) -> FloatArray:
        where = self._uri.text
        self._faults.check_there(where)
        struck = self._faults.strikes()
        if struck is Fault.UNPLUG_BEFORE:
            self._faults.lose(where)
        frame = self._expose(settings, deadline, struck)
        if struck is None:
            return frame
        fail_frame(struck, where)
        if struck is Fault.UNPLUG_AFTER:
            self._faults.lost = True
        return frame[: -frame.size // 8] if struck is Fault.DROPPED else frame

    def _expose(self, settings: ScanSettings, deadline: Deadline, struck: Fault | None) -> FloatArray:
        now = (settings.integration_ms, self._power_mw / self._preset.laser_mw if self._laser else 0.0)
        # The sensor runs freely: the frame read out was begun under the settings before this one.
        integration_ms, power = self._latched or now
        self._latched = now
        seconds = integration_ms * 1e-3
        electrons_s = self._light.electrons_s(
            power=power * self._droop(), lit_s=self._lit_s, laser_nm=self._laser_nm()
        )
        if struck is Fault.UNPLUG_MID:
            self._wait(0.5 * seconds, deadline)
            self._faults.lose(self._uri.text)
        if struck is Fault.TIMEOUT:
            self._wait(max(deadline.remaining_s, 0.0) + seconds, deadline)
        self._wait(seconds, deadline)
        if struck is Fault.WATCHDOG_TRIP:
            self._laser = False
            electrons_s = 0.5 * electrons_s
        self._lit_s += power * seconds
        return self._detector.expose(electrons_s, seconds, self._noise, warmer_k=self._warmer_k)

    def _do_abort(self) -> None:
        # The exposure is dropped: the next frame is a new one.
        self._latched = None

    def _do_status(self) -> DeviceStatus:
        self._faults.check_there(self._uri.text)
        warnings = []
        if self._faults.has(Fault.LOW_BATTERY):
            warnings.append("the battery is low")
        if not self.interlock_closed():
            warnings.append("the interlock is open")
        if self._faults.has(Fault.OVER_TEMPERATURE):
            warnings.append("the device is too hot to fire its laser")
        return DeviceStatus(
            connected=True,
            laser=self.laser_readback(),
            interlock_closed=self.interlock_closed(),
            detector_c=self.detector_temperature_c(),
            laser_c=25.0 + self._laser_departure_k(),
            battery=self.battery_fraction(),
            warnings=tuple(warnings),
        )

    def _do_close(self) -> None:
        if self._laser and (self._faults.lost or self._faults.has(Fault.LASER_STUCK)):
            raise DeviceUnsafeError(
                "laser state unknown: it could not be switched off",
                where=self._uri.text,
                remedy="treat it as on: cut its power",
            )
        self._laser = False

    def _do_scan_metadata(self) -> Mapping[str, Any]:
        options = self._options
        said: dict[str, Any] = {"simulated_spot": self._spot} if options.uneven else {}
        if options.basis == "weight":
            said["weights_assumed"] = True
        if self._first_warmer_k is None:
            self._first_warmer_k = self._warmer_k
        if abs(self._warmer_k - self._first_warmer_k) > DRIFT_K:
            said["detector_drifted"] = True
        if self._laser and self._droop() - (1.0 - self._whole_droop) > WARMING:
            said["laser_warming"] = True
        return said | {
            "simulated_sample": tuple((c.name, c.fraction) for c in options.components),
            "simulated_basis": options.basis,
            "simulated_packaging": options.packaging.name,
            "perturbation": options.perturbation_label,
            "seed": options.seed,
            "unit": options.unit,
            "laser_mw": self._power_mw if self._laser else 0.0,
        }

    # -- laser -------------------------------------------------------------------------------------

    def laser_on(self, permit: LaserPermit) -> None:
        """Switch the simulated laser on; a `LaserGuard` gives the permit."""
        self._faults.check_there(self._uri.text)
        if not self.interlock_closed():
            raise DeviceUnsafeError("the interlock is open", where=self._uri.text, remedy="close it")
        if self._faults.has(Fault.OVER_TEMPERATURE):
            raise DeviceUnsafeError("the device is too hot", where=self._uri.text, remedy="let it cool")
        permit.check(self._uri.text)
        if not self._laser:
            self._laser = True
            self._laser_since = self.clock.monotonic()
            self._mark_stale()

    def laser_off(self) -> None:
        """Switch the simulated laser off; legal at any moment."""
        self._faults.check_there(self._uri.text)
        if self._laser and not self._faults.has(Fault.LASER_STUCK):
            self._laser = False
            self._mark_stale()

    def laser_readback(self) -> LaserState:
        """Whether the simulated laser is on."""
        self._faults.check_there(self._uri.text)
        return LaserState.ON if self._laser else LaserState.OFF

    def laser_power_limits_mw(self) -> tuple[float, float]:
        """One hundredth of full power to full power."""
        return 0.01 * self._preset.laser_mw, self._preset.laser_mw

    def set_laser_power_mw(self, power_mw: float) -> None:
        """Set the power at the sample."""
        low, high = self.laser_power_limits_mw()
        if not low <= power_mw <= high:
            raise DeviceSettingsError(
                f"a laser power of {power_mw:g} mW is not between {low:g} and {high:g} mW",
                where=self._uri.text,
            )
        self._power_mw = power_mw
        self._mark_stale()

    def interlock_closed(self) -> bool:
        """Whether the simulated safety loop is closed."""
        return not self._faults.has(Fault.INTERLOCK_OPEN)

    def detector_temperature_c(self) -> float:
        """Detector temperature in °C."""
        return self._preset.detector_c + self._warmer_k

    @property
    def _warmer_k(self) -> float:
        extra = OVER_TEMPERATURE_K if self._faults.has(Fault.OVER_TEMPERATURE) else 0.0
        return self._options.detector_k + extra

    def inject(self, fault: Fault | str, frames: int = 1) -> None:
        """Break the device from now on, or at the given frame read from now; for tests and training."""
        self._faults = FaultState(Fault(fault), frames)
        self._light = self._build_light()
        # The loop and the thermostat cut the laser's current themselves.
        if self._faults.fault in (Fault.INTERLOCK_OPEN, Fault.OVER_TEMPERATURE):
            self._laser = False

    def battery_fraction(self) -> float:
        """Battery charge, 0 to 1."""
        return LOW_BATTERY if self._faults.has(Fault.LOW_BATTERY) else 1.0

    def _laser_departure_k(self) -> float:
        """How much warmer than its working temperature the laser is: cold at first when asked for."""
        steady = self._options.laser_k
        if not self._options.cold:
            return steady
        on_s = self.clock.monotonic() - self._laser_since if self._laser else 0.0
        return steady - self._preset.laser_warm_up_k * float(np.exp(-on_s / self._preset.laser_warm_up_s))

    def _laser_nm(self) -> float:
        return self._preset.excitation_nm + self._preset.laser_nm_per_k * self._laser_departure_k()

    def _droop(self) -> float:
        """Relative power of a laser that loses some as it warms."""
        on_s = self.clock.monotonic() - self._laser_since if self._laser else 0.0
        return 1.0 - self._whole_droop * (1.0 - float(np.exp(-on_s / self._preset.laser_warm_up_s)))

    @property
    def _whole_droop(self) -> float:
        """Share of its power that the laser loses in all."""
        return FAULT_DROOP if self._faults.has(Fault.WARM_UP_DROOP) else self._preset.droop


def open_simulator(uri: DeviceURI, clock: Clock | None = None) -> SimulatedSpectrometer:
    """Open a ``sim:`` URI.

    Raises
    ------
    DeviceURIError, DeviceNotFoundError
        The URI asks for something that cannot be simulated.
    """
    return SimulatedSpectrometer(read_options(uri), uri, clock)


def _examples() -> tuple[FoundDevice, ...]:
    return (
        FoundDevice("sim:acetaminophen", "simulated powder, 785 nm"),
        FoundDevice("sim:lactose+caffeine:0.3?packaging=ldpe", "simulated mixture in a bag, 785 nm"),
        FoundDevice("sim:starch?preset=1064-ingaas", "simulated fluorescent powder, 1064 nm"),
        *(FoundDevice(f"sim:{name}", f"simulated scene: {scene.summary}") for name, scene in SCENES.items()),
    )


DRIVER = Driver(open_simulator, "simulated spectrometer: sim:NAME[+NAME:fraction…][?options]", _examples)
