// ReDoc over this server's own description.
Redoc.init("/openapi.json", { hideLoading: true, disableSearch: false }, document.getElementById("docs"));
