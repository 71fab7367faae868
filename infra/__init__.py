"""The AWS deployment, the local pipeline, the command, and the settings they share."""
