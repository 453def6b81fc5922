"""Which unit is meant: a wrong serial number is told from a unit in use."""

import pytest

from spectriage.device.contract.clock import VirtualClock
from spectriage.device.contract.errors import DeviceBusyError, DeviceNotFoundError
from spectriage.device.drivers.ocean import open_ocean
from spectriage.device.drivers.wasatch import open_wasatch
from spectriage.device.testing.emulation.bus import EmulatedBus
from spectriage.device.testing.emulation.open import make_model, open_model
from spectriage.spectra.origin import Origin

MAKES = [("ocean-usb2000plus", open_ocean), ("wasatch-wp785", open_wasatch)]


@pytest.fixture(params=MAKES, ids=[name for name, _ in MAKES])
def bench(request):
    name, opener = request.param
    models = [make_model(name, serial=serial, clock=VirtualClock()) for serial in ("AAA1", "BBB2")]
    bus = EmulatedBus(*models)
    held = [open_model(model) for model in models]

    def find(serial):
        return opener(serial, backend=bus, origin=Origin.EMULATED, where=f"x:{serial}")

    yield held, find
    for device in held:
        device.close()


def test_a_wrong_serial_number_is_no_such_unit_though_all_are_in_use(bench):
    _, find = bench
    with pytest.raises(DeviceNotFoundError, match="CCC3 is plugged in; in use: AAA1 and BBB2"):
        find("CCC3")


def test_the_unit_that_is_asked_for_and_in_use_is_busy(bench):
    _, find = bench
    with pytest.raises(DeviceBusyError, match="another program"):
        find("BBB2")


def test_what_is_plugged_in_and_what_is_in_use_are_both_told(bench):
    held, find = bench
    held[1].close()
    with pytest.raises(DeviceNotFoundError, match="plugged in: BBB2; in use: AAA1"):
        find("CCC3")
    find("BBB2").close()


def test_any_unit_that_is_free_will_do_when_none_is_named(bench):
    held, find = bench
    with pytest.raises(DeviceBusyError):
        find("")
    held[0].close()
    with find("") as device:
        assert device.info.serial == "AAA1"
