"""Making a release the running one. An engine never decides whether a release is good."""
