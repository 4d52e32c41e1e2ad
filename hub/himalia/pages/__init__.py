"""The service's own pages in the browser: sign-in through the hub, approving a command's login, the API's page."""
