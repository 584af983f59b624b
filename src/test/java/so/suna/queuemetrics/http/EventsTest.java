package so.suna.queuemetrics.http;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.http.Event.Format;
import so.suna.queuemetrics.http.Event.KeepAlive;
import so.suna.queuemetrics.http.Event.NotUnderstood;
import so.suna.queuemetrics.http.Event.Request;

class EventsTest {

  /** A request of payload 2.0 with more fields, each with a comma before it. */
  private static Event request(String path, String inContext, String more) {
    return read(
        "{\"rawPath\":\"%s\",\"requestContext\":{\"http\":{\"method\":\"GET\"}%s}%s}"
            .formatted(path, inContext, more));
  }

  private static Event withHeaders(String headers) {
    return request("/api/health", "", ",\"headers\":" + headers);
  }

  private static Event read(String event) {
    try {
      return Events.read(new ByteArrayInputStream(event.getBytes(UTF_8)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Request get(String path, String authorization, String accept) {
    return new Request("GET", path, authorization, accept, false, Format.PLAIN);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"host":"h","authorization":"Bearer token"}                          | Bearer token              | ``
          {"Authorization":"Bearer token"}                                     | Bearer token              | ``
          {"AUTHORIZATION":"Bearer token"}                                     | Bearer token              | ``
          {"aUTHORIZATION":"Bearer token"}                                     | Bearer token              | ``
          {"x-accept":"a","accept":"text/plain, */*"}                          | ``                        | text/plain, */*
          {"Accept":"text/plain, */*"}                                         | ``                        | text/plain, */*
          # Two headers are joined, and what they give then is no token.
          {"Authorization":"Bearer token","authorization":"Bearer other"}      | Bearer token,Bearer other | ``
          {"x-authorization":"Bearer a","proxy-authorization":"b"}             | ``                        | ``
          null                                                                 | ``                        | ``
          7                                                                    | ``                        | ``
          []                                                                   | ``                        | ``
          {}                                                                   | ``                        | ``
          {"authorization":null}                                               | ``                        | ``
          {"authorization":{}}                                                 | ``                        | ``
          {"authorization":[]}                                                 | ``                        | ``
          {"authorization":[["Bearer token"],null]}                            | ``                        | ``
          """)
  void headersAreFoundByTheirNamesInAnyCase(String headers, String authorization, String accept) {
    assertThat(withHeaders(headers)).isEqualTo(get("/api/health", authorization, accept));
  }

  @ParameterizedTest
  @CsvSource({
    "prod,     /prod/api/health, /api/health",
    "api,      /api/api/health,  /api/health",
    "prod,     /api/health,      /api/health",
    "prod,     /production/api,  /production/api",
    "prod,     /prod,            /prod",
    "$default, /api/health,      /api/health",
    "$default, //api/health,     //api/health",
  })
  void stageOfAnHttpApiIsNotPartOfThePath(String stage, String raw, String path) {
    assertThat(request(raw, ",\"stage\":\"%s\"".formatted(stage), "")).isEqualTo(get(path, "", ""));
  }

  @Test
  void constantOfTheScheduleIsAKeepAlive() {
    assertThat(read("{\"keepAlive\":true}")).isEqualTo(new KeepAlive());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"keepAlive":false}  | ``
          {"keepAlive":"true"} | ``
          {"keepAlive":{}}     | ``
          null                 | ``
          7                    | ``
          "rawPath"            | ``
          []                   | ``
          [{"rawPath":"/"}]    | ``
          {}                   | ``
          ``                   | ``
          {"version":null,"rawPath":{},"requestContext":{"http":{"method":[]}},"secret":"s3cret"} | rawPath, requestContext.http.method
          {"rawPath":"/api/health","requestContext":{}}                                           | rawPath
          """)
  void eventWithoutPathAndMethodIsNotUnderstood(String event, String found) {
    assertThat(read(event))
        .isEqualTo(
            new NotUnderstood(
                "expected rawPath and requestContext.http.method, or path and httpMethod, found [%s]"
                    .formatted(found)));
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

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          {"iam":{"cognitoIdentity":null,"userArn":"arn"}} | true
          null                                             | false
          {}                                               | false
          {"iam":null}                                     | false
          {"iam":{}}                                       | false
          {"iam":true}                                     | false
          {"iam":["arn"]}                                  | false
          {"iam":{"userArn":null}}                         | false
          {"jwt":{"claims":{"sub":"anybody"}}}             | false
          {"lambda":{"iam":{"userArn":"arn"}}}             | false
          """)
  void onlyACallerWhoHasSignedIsAuthenticated(String authorizer, boolean authenticated) {
    assertThat(request("/", ",\"authorizer\":" + authorizer, ""))
        .isEqualTo(new Request("GET", "/", "", "", authenticated, Format.PLAIN));
  }

  @Test
  void callerOfALoadBalancerOrARestApiIsNeverAuthenticated() {
    String signed = "{\"stage\":\"prod\",\"authorizer\":{\"iam\":{\"userArn\":\"arn\"}}}";

    assertThat(read(older(signed, "\"headers\":{}"))).isEqualTo(get("/api/health", "", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "s3cret:", "{\"rawPath\":\"/\"} {", "\"s3cret"})
  void eventThatIsNotJsonIsNotUnderstood(String event) {
    assertThat(read(event))
        .isEqualTo(new NotUnderstood("expected an event in JSON, found something else"));
  }

  /** To a function URL, a REST API and a load balancer. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          false | false | "isBase64Encoded":false,"headers":{"Allow":"GET, <HEAD>"}
          false | true  | "isBase64Encoded":false,"multiValueHeaders":{"Allow":["GET, <HEAD>"]}
          true  | false | "statusDescription":"401 Unauthorized","isBase64Encoded":false,"headers":{"Allow":"GET, <HEAD>"}
          """)
  void answerHasTheFormOfItsEvent(boolean statusInWords, boolean manyValues, String fields) {
    var answer = new Answer(401, Map.of("Allow", "GET, <HEAD>"), "{\"a\":\"é\"}");
    var format = new Format(statusInWords, manyValues);

    assertThat(Events.write(answer, new Request("GET", "/", "", "", false, format)))
        .asString(UTF_8)
        .isEqualTo("{\"statusCode\":401,%s,\"body\":\"{\\\"a\\\":\\\"é\\\"}\"}".formatted(fields));
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
