"""The typed errors of spectrometers: every failure of a driver or a bus becomes one of these."""

from __future__ import annotations

from spectriage.spectra.errors import DeviceError, SpectriageError

__all__ = [
    "CalibrationError",
    "DeviceAbortedError",
    "DeviceBusyError",
    "DeviceError",
    "DeviceLostError",
    "DeviceNotFoundError",
    "DevicePermissionError",
    "DeviceProtocolError",
    "DeviceSettingsError",
    "DeviceStateError",
    "DeviceTimeoutError",
    "DeviceURIError",
    "DeviceUnsafeError",
    "DriverMissingError",
]


class DeviceTimeoutError(DeviceError):
    """The device did not answer before the deadline."""


class DeviceLostError(DeviceError):
    """The device is no longer there: unplugged, powered off or reset. Open it again by serial number."""


class DeviceBusyError(DeviceError):
    """The device is in use by another thread or program."""


class DevicePermissionError(DeviceError):
    """The operating system does not let this user open the device."""


class DeviceProtocolError(DeviceError):
    """The device or its driver answered something that the protocol does not allow."""


class DeviceUnsafeError(DeviceError):
    """The operation would be unsafe, or the laser could not be verified to be off."""


class DeviceNotFoundError(DeviceError):
    """No device, scene, file or substance has the name asked for."""


class DeviceAbortedError(DeviceError):
    """The acquisition was aborted on request."""


class DeviceStateError(DeviceError):
    """The operation is not possible now: the device is closed, or not configured."""


class DeviceSettingsError(DeviceError, ValueError):
    """A setting outside what the device can do."""


class DeviceURIError(DeviceError, ValueError):
    """A device URI that cannot be understood; names the part that is wrong."""


class DriverMissingError(DeviceError):
    """The driver of a scheme is not installed; says which extra to install."""


class CalibrationError(SpectriageError, ValueError):
    """A calibration that cannot be made, read or applied."""
