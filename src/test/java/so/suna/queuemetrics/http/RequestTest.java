package so.suna.queuemetrics.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent.RequestContext;
import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.local.TypedEvents;

class RequestTest {

  private static APIGatewayV2HTTPEvent event(Map<String, String> headers) {
    var http = new RequestContext.Http();
    http.setMethod("GET");
    var context = new RequestContext();
    context.setHttp(http);
    return APIGatewayV2HTTPEvent.builder()
        .withRequestContext(context)
        .withRawPath("/api/health")
        .withHeaders(headers)
        .build();
  }

  private static Request request(@Nullable APIGatewayV2HTTPEvent event) {
    return of(TypedEvents.json(event));
  }

  private static Request of(String event) {
    try {
      return Request.of(new StringReader(event));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void noEventIsAnEmptyRequest() {
    assertThat(request(null)).isEqualTo(new Request("", "", ""));
  }

  @Test
  void eventWithoutFieldsIsAnEmptyRequest() {
    assertThat(request(new APIGatewayV2HTTPEvent())).isEqualTo(new Request("", "", ""));
  }

  @Test
  void requestContextWithoutHttpGivesNoMethod() {
    var event =
        APIGatewayV2HTTPEvent.builder()
            .withRequestContext(new RequestContext())
            .withRawPath("/api/health")
            .build();

    assertThat(request(event)).isEqualTo(new Request("", "/api/health", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "7",
        "[]",
        "{\"requestContext\":7,\"rawPath\":{},\"headers\":[]}",
        "{\"requestContext\":{\"http\":null},\"rawPath\":null,\"headers\":{\"authorization\":[]}}"
      })
  void anythingElseIsAnEmptyRequest(String event) {
    assertThat(of(event)).isEqualTo(new Request("", "", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATION"})
  void authorizationIsFoundUnderItsNameInAnyCase(String name) {
    assertThat(request(event(Map.of("accept", "*/*", name, "Bearer token"))))
        .isEqualTo(new Request("GET", "/api/health", "Bearer token"));
  }

  @Test
  void otherHeadersAreNotTakenForAuthorization() {
    assertThat(request(event(Map.of("x-authorization", "Bearer a", "proxy-authorization", "b"))))
        .isEqualTo(new Request("GET", "/api/health", ""));
  }

  @Test
  void headersWithoutValueAreSkipped() {
    Map<String, String> headers = new HashMap<>();
    headers.put("authorization", null);

    assertThat(request(event(headers))).isEqualTo(new Request("GET", "/api/health", ""));
  }
}
