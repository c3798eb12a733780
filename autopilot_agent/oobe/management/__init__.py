"""What manages the device: the OMA-DM client, the installers it drives, the Intune Management Extension, and the ESP."""
