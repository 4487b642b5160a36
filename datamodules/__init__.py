"""Data as Lightning DataModules: what is on disk becomes the batches of ``datamodules.batch``."""
