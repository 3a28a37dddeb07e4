"""The site of an association whose members exchange hours, on the public parts of `timebank`."""
