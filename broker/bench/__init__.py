"""Benchmarks on the user's own data: ``mlbroker bench``. Import names from their modules; this loads nothing."""
