"""From a checkpoint to artefacts in the model repository, each with its manifest."""
