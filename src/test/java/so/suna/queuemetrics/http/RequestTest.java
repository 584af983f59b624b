package so.suna.queuemetrics.http;

import static org.assertj.core.api.Assertions.assertThat;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent.RequestContext;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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

  @Test
  void noEventIsAnEmptyRequest() {
    assertThat(Request.of(null)).isEqualTo(new Request("", "", ""));
  }

  @Test
  void eventWithoutFieldsIsAnEmptyRequest() {
    assertThat(Request.of(new APIGatewayV2HTTPEvent())).isEqualTo(new Request("", "", ""));
  }

  @Test
  void requestContextWithoutHttpGivesNoMethod() {
    var event =
        APIGatewayV2HTTPEvent.builder()
            .withRequestContext(new RequestContext())
            .withRawPath("/api/health")
            .build();

    assertThat(Request.of(event)).isEqualTo(new Request("", "/api/health", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATION"})
  void authorizationIsFoundUnderItsNameInAnyCase(String name) {
    assertThat(Request.of(event(Map.of("accept", "*/*", name, "Bearer token"))))
        .isEqualTo(new Request("GET", "/api/health", "Bearer token"));
  }

  @Test
  void otherHeadersAreNotTakenForAuthorization() {
    assertThat(Request.of(event(Map.of("x-authorization", "Bearer a", "proxy-authorization", "b"))))
        .isEqualTo(new Request("GET", "/api/health", ""));
  }

  @Test
  void headersWithoutNameOrValueAreSkipped() {
    Map<String, String> headers = new HashMap<>();
    headers.put(null, "Bearer token");
    headers.put("authorization", null);

    assertThat(Request.of(event(headers))).isEqualTo(new Request("GET", "/api/health", ""));
  }
}
