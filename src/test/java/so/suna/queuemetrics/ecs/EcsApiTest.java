package so.suna.queuemetrics.ecs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.net.URI;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import so.suna.queuemetrics.local.BotocoreSigner;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.exception.SdkClientException;
import software.amazon.awssdk.http.urlconnection.UrlConnectionHttpClient;

/** Our requests against those that botocore signs; record_signed_requests.py made them. */
class EcsApiTest {

  /** One request as botocore signed it, and what it was made from. */
  record Signed(BotocoreSigner signer, String host, String body, String authorization) {}

  static List<Signed> signedByBotocore() throws IOException {
    return BotocoreSigner.recorded(Signed[].class, "signed-requests.json");
  }

  @ParameterizedTest
  @MethodSource("signedByBotocore")
  void requestIsSignedAsBotocoreSignsIt(Signed wanted) {
    var ecs =
        new EcsApi(
            UrlConnectionHttpClient.create(),
            wanted.signer().credentials(),
            wanted.signer().region(),
            URI.create("https://" + wanted.host()),
            wanted.signer().clock());

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
