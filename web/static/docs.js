// Shows the description of the API. Nothing is asked of anybody else: no validator, no fonts.
const here = document.querySelector("script[data-description]");
window.SwaggerUIBundle({
  url: here.dataset.description,
  dom_id: "#description",
  deepLinking: true,
  validatorUrl: null,
  persistAuthorization: false,
  tryItOutEnabled: false,
});
