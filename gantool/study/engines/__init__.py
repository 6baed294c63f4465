"""The engines that carry a study out: processes of this machine, or tasks of a Ray cluster."""
