"""INT8: calibrated, judged on pictures held back, with the parts that cost accuracy in float."""
