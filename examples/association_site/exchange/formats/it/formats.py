"""Days in Italian, without a zero before them."""

DATE_FORMAT = "j F Y"
MONTH_DAY_FORMAT = "j b"
SHORT_DATE_FORMAT = "d/m/Y"
