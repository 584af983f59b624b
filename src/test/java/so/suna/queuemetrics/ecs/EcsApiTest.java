package so.suna.queuemetrics.ecs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.time.ZoneOffset.UTC;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.FieldNamingPolicy;
import com.google.gson.GsonBuilder;
import java.io.InputStreamReader;
import java.io.Reader;
import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/** Our requests against those that botocore signs; record_signed_requests.py made them. */
class EcsApiTest {

  /** One request as botocore signed it, and what it was made from. */
  record Signed(
      String region,
      String accessKey,
      String secretKey,
      @Nullable String sessionToken,
      String signedAt,
      String host,
      String body,
      String authorization) {

    AwsCredentials credentials() {
      return sessionToken == null
          ? AwsBasicCredentials.create(accessKey, secretKey)
          : AwsSessionCredentials.create(accessKey, secretKey, sessionToken);
    }
  }

  static List<Signed> signedByBotocore() throws Exception {
    try (Reader json =
        new InputStreamReader(
            Objects.requireNonNull(EcsApiTest.class.getResourceAsStream("signed-requests.json")),
            UTF_8)) {
      return List.of(
          new GsonBuilder()
              .setFieldNamingPolicy(FieldNamingPolicy.LOWER_CASE_WITH_UNDERSCORES)
              .create()
              .fromJson(json, Signed[].class));
    }
  }

  @ParameterizedTest
  @MethodSource("signedByBotocore")
  void requestIsSignedAsBotocoreSignsIt(Signed wanted) {
    var ecs =
        new EcsApi(
            UrlConnectionHttpClient.create(),
            StaticCredentialsProvider.create(wanted.credentials()),
            wanted.region(),
            URI.create("https://" + wanted.host()),
            Clock.fixed(Instant.parse(wanted.signedAt()), UTC));

    var request = ecs.signed(wanted.body().getBytes(UTF_8)).request();

    assertThat(request.firstMatchingHeader("Authorization")).contains(wanted.authorization());
    assertThat(request.getUri()).hasHost(URI.create("https://" + wanted.host()).getHost());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "ecs.example", "localhost:4566", "http:/ecs", "ftp://ecs"})
  void addressThatLacksAPartFailsNamingItsSettings(String endpoint) {
    var ecs =
        new EcsApi(
            UrlConnectionHttpClient.create(),
            StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test")),
            "us-west-2",
            URI.create(endpoint),
            Clock.systemUTC());

    assertThatThrownBy(() -> ecs.describeServices("suna-ecs", "suna-worker-svc"))
        .isInstanceOf(SdkClientException.class)
        .hasMessageStartingWith(
            "the address of ECS (AWS_ENDPOINT_URL_ECS, AWS_ENDPOINT_URL) must be http:// or https:// and a host, was \"%s\": ",
            endpoint);
  }
}
