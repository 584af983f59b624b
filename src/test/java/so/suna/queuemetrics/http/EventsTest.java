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
import so.suna.queuemetrics.http.Event.Format;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;
import so.suna.queuemetrics.kit.TypedEvents;

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

  private static Request request(String method, String path, String authorization, String accept) {
    return new Request(method, path, authorization, accept, false, Format.PLAIN);
  }

  private static NotUnderstood found(String fields) {
    return new NotUnderstood(
        "expected rawPath and requestContext.http.method, or path and httpMethod, found [%s]"
            .formatted(fields));
  }

  @ParameterizedTest
  @ValueSource(strings = {"authorization", "Authorization", "AUTHORIZATION", "aUTHORIZATION"})
  void authorizationIsFoundUnderItsNameInAnyCase(String name) {
    Map<String, String> headers = Map.of("host", "h", name, "Bearer token");

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(request("GET", "/api/health", "Bearer token", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"accept", "Accept"})
  void acceptIsFoundUnderItsNameInAnyCase(String name) {
    Map<String, String> headers = Map.of("x-accept", "a", name, "text/plain, */*");

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(request("GET", "/api/health", "", "text/plain, */*"));
  }

  @Test
  void twoAuthorizationHeadersAreOneThatShowsNoToken() {
    Map<String, String> headers =
        new TreeMap<>(Map.of("Authorization", "Bearer token", "authorization", "Bearer other"));

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(request("GET", "/api/health", "Bearer token,Bearer other", ""));
  }

  @Test
  void otherHeadersAreNotTakenForAuthorization() {
    Map<String, String> headers = Map.of("x-authorization", "Bearer a", "proxy-authorization", "b");

    assertThat(read(event("/api/health", null, headers)))
        .isEqualTo(request("GET", "/api/health", "", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "7",
        "[]",
        "{}",
        "{\"authorization\":null}",
        "{\"authorization\":{}}",
        "{\"authorization\":[]}",
        "{\"authorization\":[[\"Bearer token\"],null]}"
      })
  void headersOfAnotherShapeHoldNoAuthorization(String headers) {
    assertThat(
            read(
                "{\"rawPath\":\"/\",\"requestContext\":{\"http\":{\"method\":\"GET\"}},\"headers\":%s}"
                    .formatted(headers)))
        .isEqualTo(request("GET", "/", "", ""));
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
    assertThat(read(event(raw, stage, null))).isEqualTo(request("GET", path, "", ""));
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

  private static String older(String requestContext, String headers) {
    return "{\"path\":\"/prod/api/health\",\"httpMethod\":\"GET\",\"requestContext\":%s,%s}"
        .formatted(requestContext, headers);
  }

  @Test
  void requestOfARestApiIsReadWithAllItsHeadersAndWithoutItsStage() {
    String headers =
        "\"headers\":{\"Authorization\":\"b\"},\"multiValueHeaders\":{\"Authorization\":[\"a\",\"b\"],\"Accept\":[\"*/*\"]}";

    assertThat(read(older("{\"stage\":\"prod\"}", headers)))
        .isEqualTo(new Request("GET", "/api/health", "a,b", "*/*", false, new Format(false, true)));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "\"headers\":{\"accept\":\"a\"} | false",
        "\"headers\":{\"accept\":\"a\"},\"multiValueHeaders\":null | false",
        "\"multiValueHeaders\":{\"accept\":[\"a\"]} | true",
      })
  void requestOfALoadBalancerIsReadWithEitherKindOfHeaders(String headers, boolean many) {
    assertThat(read(older("{\"elb\":{\"targetGroupArn\":\"arn\"}}", headers)))
        .isEqualTo(new Request("GET", "/prod/api/health", "", "a", false, new Format(true, many)));
  }

  private static String payload2(String authorizer) {
    return "{\"rawPath\":\"/\",\"requestContext\":{\"http\":{\"method\":\"GET\"},\"authorizer\":%s}}"
        .formatted(authorizer);
  }

  @Test
  void signedCallerIsAuthenticated() {
    assertThat(read(payload2("{\"iam\":{\"cognitoIdentity\":null,\"userArn\":\"arn\"}}")))
        .isEqualTo(new Request("GET", "/", "", "", true, Format.PLAIN));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "null",
        "{}",
        "{\"iam\":null}",
        "{\"iam\":{}}",
        "{\"iam\":true}",
        "{\"iam\":[\"arn\"]}",
        "{\"iam\":{\"userArn\":null}}",
        "{\"jwt\":{\"claims\":{\"sub\":\"anybody\"}}}",
        "{\"lambda\":{\"iam\":{\"userArn\":\"arn\"}}}",
      })
  void noOtherCallerIsAuthenticated(String authorizer) {
    assertThat(read(payload2(authorizer))).isEqualTo(request("GET", "/", "", ""));
  }

  @Test
  void callerOfALoadBalancerOrARestApiIsNeverAuthenticated() {
    String signed = "{\"stage\":\"prod\",\"authorizer\":{\"iam\":{\"userArn\":\"arn\"}}}";

    assertThat(read(older(signed, "\"headers\":{}")))
        .isEqualTo(request("GET", "/api/health", "", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "s3cret:", "{\"rawPath\":\"/\"} {", "\"s3cret"})
  void eventThatIsNotJsonIsNotUnderstood(String event) {
    assertThat(read(event))
        .isEqualTo(new NotUnderstood("expected an event in JSON, found something else"));
  }

  private static String written(boolean statusDescription, boolean multiValueHeaders) {
    var answer = new Answer(401, Map.of("Allow", "GET, <HEAD>"), "{\"a\":\"é\"}");
    var format = new Format(statusDescription, multiValueHeaders);
    return new String(Events.write(answer, new Request("GET", "/", "", "", false, format)), UTF_8);
  }

  @Test
  void answerToAFunctionUrlHasHeadersOfOneValue() {
    assertThat(written(false, false))
        .isEqualTo(
            "{\"statusCode\":401,\"isBase64Encoded\":false,\"headers\":{\"Allow\":\"GET, <HEAD>\"},\"body\":\"{\\\"a\\\":\\\"é\\\"}\"}");
  }

  @Test
  void answerToARestApiHasHeadersOfManyValues() {
    assertThat(written(false, true))
        .isEqualTo(
            "{\"statusCode\":401,\"isBase64Encoded\":false,\"multiValueHeaders\":{\"Allow\":[\"GET, <HEAD>\"]},\"body\":\"{\\\"a\\\":\\\"é\\\"}\"}");
  }

  @Test
  void answerToALoadBalancerHasTheStatusInWordsToo() {
    assertThat(written(true, false))
        .isEqualTo(
            "{\"statusCode\":401,\"statusDescription\":\"401 Unauthorized\",\"isBase64Encoded\":false,\"headers\":{\"Allow\":\"GET, <HEAD>\"},\"body\":\"{\\\"a\\\":\\\"é\\\"}\"}");
  }

  @ParameterizedTest
  @CsvSource({
    "200, 200 OK",
    "401, 401 Unauthorized",
    "404, 404 Not Found",
    "405, 405 Method Not Allowed",
    "500, 500 Internal Server Error",
  })
  void everyStatusHasItsWords(int status, String words) {
    assertThat(new Answer(status, Map.of(), "").statusDescription()).isEqualTo(words);
  }
}
