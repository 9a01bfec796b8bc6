"use strict";
const sheet = document.getElementById("swagger");
SwaggerUIBundle({ dom_id: "#swagger", url: sheet.dataset.openapi, validatorUrl: null, deepLinking: true });
