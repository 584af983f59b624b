package so.suna.queuemetrics.http;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * What the routes look at of a request.
 *
 * @param path as it came, percent-encoded
 * @param authorization the header's value, empty where there is none
 */
public record Request(String method, String path, String authorization) {

  /** Of a function URL's event, payload 2.0; what the event lacks is empty. */
  public static Request of(@Nullable APIGatewayV2HTTPEvent event) {
    Optional<APIGatewayV2HTTPEvent> given = Optional.ofNullable(event);
    return new Request(
        given
            .map(APIGatewayV2HTTPEvent::getRequestContext)
            .map(APIGatewayV2HTTPEvent.RequestContext::getHttp)
            .map(APIGatewayV2HTTPEvent.RequestContext.Http::getMethod)
            .orElse(""),
        given.map(APIGatewayV2HTTPEvent::getRawPath).orElse(""),
        given.map(APIGatewayV2HTTPEvent::getHeaders).map(Request::authorization).orElse(""));
  }

  /** Function URLs send names in lower case; other callers, as they like. */
  private static String authorization(Map<String, String> headers) {
    return headers.entrySet().stream()
        .filter(
            header ->
                "authorization".equalsIgnoreCase(header.getKey()) && header.getValue() != null)
        .map(Map.Entry::getValue)
        .findFirst()
        .orElse("");
  }
}
