"""What `hedgerow extract plan` finds out before anything is moved. It looks, and changes nothing."""
