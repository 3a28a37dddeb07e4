"""How days are written: by `FORMAT_MODULE_PATH`, where Django would write those of America."""
