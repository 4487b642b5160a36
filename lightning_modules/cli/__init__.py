"""What ``cli.py fit|validate|test|predict`` runs on: config files, messages, LightningCLI made short and safe."""
