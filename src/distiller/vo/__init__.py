"""Protocol values and documents: DALI, VOTable, TAP, UWS, VOSI. No I/O, no Django."""
