"""What happens beside training: delayed losses, averaged weights, pictures, exact resumption, the final report."""
