"""What people would write instead: small handlers, each built the way its documentation shows."""
