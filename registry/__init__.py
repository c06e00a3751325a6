"""The ground floor: bundles, versions, releases and the stores that hold them."""
