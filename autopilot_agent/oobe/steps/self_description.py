"""The nodes that describe a PC and its enrolment; servers read them first (protocols.md 12.8, 13.1 to 13.3)."""

from __future__ import annotations

from urllib.parse import quote

from autopilot_agent.device import Device
from autopilot_agent.device.windows import PRODUCT_INFO
from autopilot_agent.service.enrolment import Enrolled, hardware_id

CLIENT = "./Device/Vendor/MSFT/DMClient"
ARCHITECTURES = {"x86": "0", "x64": "9", "arm64": "12"}
DEVICE_NAME = "./DevDetail/Ext/Microsoft/DeviceName"
DNS_NAME = "./DevDetail/Ext/Microsoft/DNSComputerName"


def describe(device: Device, answer: Enrolled) -> None:
    """Write them after an enrolment. What the server set goes before what Windows knows."""
    disk, hardware, windows = device.disk, device.hardware, device.windows
    edition, eleven = str(PRODUCT_INFO[windows.edition]), "11" if windows.eleven else "10"
    disk.csp.write_all(
        {
            **enrolment_nodes(device, answer),
            **dict(answer.settings),
            "./DevInfo/DevId": answer.ent_dm_id,
            "./DevInfo/Man": hardware.manufacturer,
            "./DevInfo/Mod": hardware.model,
            "./DevInfo/Lang": disk.language or "en-US",
            "./DevDetail/SwV": windows.build,
            "./DevDetail/DevTyp": hardware.model,
            "./DevDetail/OEM": hardware.manufacturer,
            "./DevDetail/LrgObj": "true",
            "./DevDetail/Ext/DeviceHardwareData": hardware.hash,
            "./DevDetail/Ext/Microsoft/OSPlatform": f"Windows {eleven} {windows.edition}",
            "./DevDetail/Ext/Microsoft/ProcessorArchitecture": ARCHITECTURES[hardware.architecture],
            DEVICE_NAME: disk.computer_name,
            DNS_NAME: disk.computer_name,
            "./DevDetail/Ext/Microsoft/SMBIOSSerialNumber": hardware.serial_number,
            "./DevDetail/Ext/Microsoft/SystemSKU": hardware.sku_number,
            "./DevDetail/Ext/Microsoft/TotalRAM": str(hardware.memory_mb),
            "./Vendor/MSFT/WindowsLicensing/Edition": edition,
            "./Vendor/MSFT/DeviceStatus/OS/Mode": "1",
            "./Vendor/MSFT/DeviceStatus/OS/Edition": edition,
            "./Vendor/MSFT/DeviceStatus/TPM/SpecificationVersion": hardware.tpm.version if hardware.tpm.present else "",
        }
    )


def enrolment_nodes(device: Device, answer: Enrolled) -> dict[str, str]:
    """What DMClient says of the enrolment; nodes without a value are not there."""
    disk, hardware = device.disk, device.hardware
    provider = f"{CLIENT}/Provider/{quote(answer.provider_id, safe='')}"
    number = hardware_id(hardware.manufacturer, hardware.model, hardware.serial_number)
    values = {
        f"{CLIENT}/HWDevID": number,
        f"{provider}/HWDevID": number,
        f"{provider}/EntDMID": answer.ent_dm_id,
        f"{provider}/EnrollmentType": "Device",
        f"{provider}/ManagementServiceAddress": answer.management_url,
        f"{provider}/AADDeviceID": disk.join.device_id if disk.join is not None else "",
        f"{provider}/UPN": disk.enrolment.user_name if disk.enrolment is not None else "",
    }
    return {uri: value for uri, value in values.items() if value}
