"""Find faces in photographs: a small base, and one file for each way; packages of others are imported on use."""
