"""The emulated USB bus: a pyusb backend whose devices are Python objects."""

from __future__ import annotations

import array
from types import SimpleNamespace
from typing import Any

from usb.backend import IBackend

from spectriage.device.testing.emulation.device import EmulatedDevice

_VENDOR_CLASS = 0xFF
_BULK = 2


class EmulatedHandle:
    """What the host holds of an open device."""

    def __init__(self, device: EmulatedDevice) -> None:
        self.device = device


class EmulatedBus(IBackend):  # type: ignore[misc]
    """A ``usb.backend.IBackend`` whose devices are `EmulatedDevice` objects; nobody above knows.

    Parameters
    ----------
    *devices
        Plugged in from the start.
    """

    def __init__(self, *devices: EmulatedDevice) -> None:
        self.devices: list[EmulatedDevice] = []
        for device in devices:
            self.attach(device)

    def attach(self, device: EmulatedDevice) -> None:
        """Plug a device in."""
        device.bus, device.address = self, len(self.devices) + 1
        self.devices.append(device)

    # -- enumeration: descriptors of USB 2.0 chapter 9, as pyusb reads them

    def enumerate_devices(self) -> list[EmulatedDevice]:
        """Devices that are plugged in."""
        return [device for device in self.devices if device.plugged]

    def get_parent(self, dev: EmulatedDevice) -> None:
        """No hub is emulated."""
        return

    def get_device_descriptor(self, dev: EmulatedDevice) -> SimpleNamespace:
        """Device descriptor."""
        return SimpleNamespace(
            bLength=18,
            bDescriptorType=1,
            bcdUSB=0x0200,
            bDeviceClass=_VENDOR_CLASS,
            bDeviceSubClass=0,
            bDeviceProtocol=0,
            bMaxPacketSize0=64,
            idVendor=dev.vendor_id,
            idProduct=dev.product_id,
            bcdDevice=0x0100,
            iManufacturer=1,
            iProduct=2,
            iSerialNumber=3,
            bNumConfigurations=1,
            bus=1,
            address=dev.address,
            port_number=dev.address,
            port_numbers=(dev.address,),
            speed=3,
        )

    def get_configuration_descriptor(self, dev: EmulatedDevice, config: int) -> SimpleNamespace:
        """Return the descriptor of the one configuration."""
        if config:
            raise IndexError(config)
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=2,
            wTotalLength=32,
            bNumInterfaces=1,
            bConfigurationValue=1,
            iConfiguration=0,
            bmAttributes=0x80,
            bMaxPower=250,
            extra_descriptors=[],
        )

    def get_interface_descriptor(
        self, dev: EmulatedDevice, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Return the descriptor of the one interface."""
        if intf or alt or config:
            raise IndexError(intf)
        return SimpleNamespace(
            bLength=9,
            bDescriptorType=4,
            bInterfaceNumber=0,
            bAlternateSetting=0,
            bNumEndpoints=len(dev.bulk_out) + len(dev.bulk_in),
            bInterfaceClass=_VENDOR_CLASS,
            bInterfaceSubClass=0,
            bInterfaceProtocol=0,
            iInterface=0,
            extra_descriptors=[],
        )

    def get_endpoint_descriptor(
        self, dev: EmulatedDevice, ep: int, intf: int, alt: int, config: int
    ) -> SimpleNamespace:
        """Endpoint descriptor."""
        address, size = [*dev.bulk_out.items(), *dev.bulk_in.items()][ep]
        return SimpleNamespace(
            bLength=7,
            bDescriptorType=5,
            bEndpointAddress=address,
            bmAttributes=_BULK,
            wMaxPacketSize=size,
            bInterval=0,
            bRefresh=0,
            bSynchAddress=0,
            extra_descriptors=[],
        )

    # -- handles

    def open_device(self, dev: EmulatedDevice) -> EmulatedHandle:
        """Open a handle."""
        dev.open()
        return EmulatedHandle(dev)

    def close_device(self, dev_handle: EmulatedHandle) -> None:
        """Close a handle."""
        dev_handle.device.close(dev_handle)

    def set_configuration(self, dev_handle: EmulatedHandle, config_value: int) -> None:
        """Set the configuration."""
        dev_handle.device.configure(dev_handle)

    def get_configuration(self, dev_handle: EmulatedHandle) -> int:
        """Return the configuration in force."""
        return 1

    def set_interface_altsetting(self, dev_handle: EmulatedHandle, intf: int, altsetting: int) -> None:
        """Take the one alternate setting."""

    def claim_interface(self, dev_handle: EmulatedHandle, intf: int) -> None:
        """Claim the interface."""
        dev_handle.device.claim(dev_handle)

    def release_interface(self, dev_handle: EmulatedHandle, intf: int) -> None:
        """Release the interface."""
        dev_handle.device.unclaim(dev_handle)

    def clear_halt(self, dev_handle: EmulatedHandle, ep: int) -> None:
        """Clear a stall."""
        dev_handle.device.clear_halt(ep)

    def reset_device(self, dev_handle: EmulatedHandle) -> None:
        """Reset."""
        dev_handle.device.reset()

    def is_kernel_driver_active(self, dev_handle: EmulatedHandle, intf: int) -> bool:
        """No kernel driver is emulated."""
        return False

    def detach_kernel_driver(self, dev_handle: EmulatedHandle, intf: int) -> None:
        """Detach nothing."""

    def attach_kernel_driver(self, dev_handle: EmulatedHandle, intf: int) -> None:
        """Attach nothing."""

    # -- transfers

    def bulk_write(self, dev_handle: EmulatedHandle, ep: int, intf: int, data: Any, timeout: int) -> int:
        """Do a bulk write."""
        return dev_handle.device.write(ep, bytes(data))

    def bulk_read(
        self, dev_handle: EmulatedHandle, ep: int, intf: int, buff: array.array[int], timeout: int
    ) -> int:
        """Do a bulk read."""
        return dev_handle.device.read(ep, buff, timeout)

    def ctrl_transfer(
        self,
        dev_handle: EmulatedHandle,
        bmRequestType: int,
        bRequest: int,
        wValue: int,
        wIndex: int,
        data: array.array[int],
        timeout: int,
    ) -> int:
        """Do a control transfer."""
        return dev_handle.device.control(bmRequestType, bRequest, wValue, wIndex, data)
