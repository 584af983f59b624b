package so.suna.queuemetrics.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent;
import com.amazonaws.services.lambda.runtime.events.APIGatewayV2HTTPEvent.RequestContext;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;
import so.suna.queuemetrics.local.TypedEvents;

class EventsTest {

  private static APIGatewayV2HTTPEvent event(
      String path, @Nullable String stage, @Nullable Map<String, String> headers) {
    var http = new RequestContext.Http();
    http.setMethod("GET");
    var context = new RequestContext();
    context.setHttp(http);
    context.setStage(stage);
    return APIGatewayV2HTTPEvent.builder()
        .withRequestContext(context)
        .withRawPath(path)
        .withHeaders(headers)
        .build();
  }

  private static Event read(@Nullable APIGatewayV2HTTPEvent event) {
    return read(TypedEvents.json(event));
  }

  private static Event read(String event) {
    try {
      return Events.read(new ByteArrayInputStream(event.getBytes(UTF_8)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static NotUnderstood found(String fields) {
    return new NotUnderstood(
        "expected rawPath and requestContext.http.method, as in payload 2.0, found [%s]"
            .formatted(fields));
  }

  @ParameterizedTest
  @ValueSource(strings = {"authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATION"})
  void authorizationIsFoundUnderItsNameInAnyCase(String name) {
    Map<String, String> headers = Map.of("host", "h", name, "Bearer token");

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(new Request("GET", "/api/health", "Bearer token", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"accept", "Accept"})
  void acceptIsFoundUnderItsNameInAnyCase(String name) {
    Map<String, String> headers = Map.of("x-accept", "a", name, "text/plain, */*");

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(new Request("GET", "/api/health", "", "text/plain, */*"));
  }

  @Test
  void twoAuthorizationHeadersAreOneThatShowsNoToken() {
    Map<String, String> headers =
        new TreeMap<>(Map.of("Authorization", "Bearer token", "authorization", "Bearer other"));

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(new Request("GET", "/api/health", "Bearer token,Bearer other", ""));
  }

  @Test
  void otherHeadersAreNotTakenForAuthorization() {
    Map<String, String> headers = Map.of("x-authorization", "Bearer a", "proxy-authorization", "b");

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(new Request("GET", "/api/health", "", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "7",
        "[]",
        "{}",
        "{\"authorization\":null}",
        "{\"authorization\":[\"Bearer token\"]}"
      })
  void headersOfAnotherShapeHoldNoAuthorization(String headers) {
    assertThat(
            read(
                "{\"rawPath\":\"/\",\"requestContext\":{\"http\":{\"method\":\"GET\"}},\"headers\":%s}"
                    .formatted(headers)))
        .isEqualTo(new Request("GET", "/", "", ""));
  }

  @ParameterizedTest
  @CsvSource({
    "prod,     /prod/api/health, /api/health",
    "api,      /api/api/health,  /api/health",
    "prod,     /api/health,      /api/health",
    "prod,     /production/api,  /production/api",
    "prod,     /prod,            /prod",
    "$default, /api/health,      /api/health",
    ",         /api/health,      /api/health",
    "$default, //api/health,     //api/health",
  })
  void stageOfAnHttpApiIsNotPartOfThePath(@Nullable String stage, String raw, String path) {
    assertThat(read(event(raw, stage, null))).isEqualTo(new Request("GET", path, "", ""));
  }

  @Test
  void constantOfTheScheduleIsAKeepAlive() {
    assertThat(read("{\"keepAlive\":true}")).isEqualTo(new KeepAlive());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"{\"keepAlive\":false}", "{\"keepAlive\":\"true\"}", "{\"keepAlive\":{}}"})
  void anythingElseUnderItsNameIsNoKeepAlive(String event) {
    assertThat(read(event)).isEqualTo(found(""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"null", "7", "\"rawPath\"", "[]", "[{\"rawPath\":\"/\"}]", "{}", ""})
  void eventWithoutFieldsIsNotUnderstood(String event) {
    assertThat(read(event)).isEqualTo(found(""));
  }

  @Test
  void fieldsOfAnotherTypeAreNotUnderstood() {
    assertThat(
            read(
                "{\"version\":null,\"rawPath\":{},\"requestContext\":{\"http\":{\"method\":[]}},\"secret\":\"s3cret\"}"))
        .isEqualTo(found("rawPath, requestContext.http.method"));
  }

  @Test
  void requestWithoutMethodIsNotUnderstood() {
    var event =
        APIGatewayV2HTTPEvent.builder()
            .withRequestContext(new RequestContext())
            .withRawPath("/api/health")
            .build();

    assertThat(read(event)).isEqualTo(found("rawPath"));
  }

  @Test
  void requestOfARestApiIsNotUnderstood() {
    assertThat(
            read(
                "{\"resource\":\"/{proxy+}\",\"path\":\"/api/health\",\"httpMethod\":\"GET\",\"headers\":{},\"requestContext\":{\"stage\":\"prod\"}}"))
        .isEqualTo(found("httpMethod, path"));
  }

  @Test
  void requestOfALoadBalancerIsNotUnderstood() {
    assertThat(
            read(
                "{\"path\":\"/api/health\",\"httpMethod\":\"GET\",\"headers\":{},\"requestContext\":{\"elb\":{\"targetGroupArn\":\"arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/a/b\"}}}"))
        .isEqualTo(found("httpMethod, path, requestContext.elb"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "s3cret:", "{\"rawPath\":\"/\"} {", "\"s3cret"})
  void eventThatIsNotJsonIsNotUnderstood(String event) {
    assertThat(read(event))
        .isEqualTo(new NotUnderstood("expected an event in JSON, found something else"));
  }

  @Test
  void answerIsWrittenAsPayload2() {
    var answer = new Answer(401, Map.of("Allow", "GET, <HEAD>"), "{\"a\":\"é\"}");

    assertThat(new String(Events.write(answer), UTF_8))
        .isEqualTo(
            "{\"statusCode\":401,\"headers\":{\"Allow\":\"GET, <HEAD>\"},\"body\":\"{\\\"a\\\":\\\"é\\\"}\"}");
  }
}
